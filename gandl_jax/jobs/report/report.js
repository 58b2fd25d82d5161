"use strict";
(function () {
  // Okabe and Ito's colours, and cividis for what has an order: both for all eyes.
  const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9",
    "#6A3D9A", "#8C6D1F"];
  const ORDERED = ["#00224E", "#123570", "#3B496C", "#575D6D", "#707173", "#8A8678",
    "#A59C74", "#C3B369", "#E1CC55", "#FEE838"];
  const FEW = COLOURS.length, FAINT = "#D0D0D0", TREATED = "#8C8C8C", NEAR_PX = 14;

  const tip = make("div", { className: "tip", hidden: true });
  tip.setAttribute("role", "status");
  document.body.append(tip);

  function make(name, properties, ...children) {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  }
  function show(text, x, y) {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const right = document.documentElement.clientWidth;
    tip.style.left = Math.max(4, Math.min(x + 14, right - box.width - 8)) + "px";
    tip.style.top = Math.max(4, y - box.height - 12) + "px";
  }
  function hide() { tip.hidden = true; }
  function read(id) { return JSON.parse(document.getElementById(id).textContent); }
  function short(value) { return String(Number(value.toPrecision(3))); }

  // ---- plates ----
  function plates(block, data) {
    block.querySelectorAll("[data-plate]").forEach((holder) => {
      const svg = holder.querySelector("svg");
      const wells = new Map();
      (data[holder.dataset.plate] || []).forEach(([row, column, words]) =>
        wells.set(row + " " + column, words));
      let place = null;
      function tell(row, column, x, y) {
        const words = wells.get(row + " " + column);
        if (words) show(words, x, y); else hide();
      }
      svg.addEventListener("pointermove", (event) => {
        const at = new DOMPoint(event.clientX, event.clientY)
          .matrixTransform(svg.getScreenCTM().inverse());
        tell(Math.floor(at.y) + 1, Math.floor(at.x) + 1, event.clientX, event.clientY);
      });
      svg.addEventListener("pointerleave", hide);
      svg.setAttribute("tabindex", "0");
      svg.addEventListener("blur", hide);
      svg.addEventListener("keydown", (event) => {
        const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1],
          ArrowRight: [0, 1] }[event.key];
        if (event.key === "Escape") hide();
        if (!step || !wells.size) return;
        event.preventDefault();
        place = next(wells, place, step);
        const at = new DOMPoint(place[1] - 0.5, place[0] - 0.5)
          .matrixTransform(svg.getScreenCTM());
        tell(place[0], place[1], at.x, at.y);
      });
    });
  }
  // The next well in a direction; gaps are jumped over.
  function next(wells, place, [down, across]) {
    if (!place) return wells.keys().next().value.split(" ").map(Number);
    let [row, column] = place;
    for (let i = 0; i < 100; i += 1) {
      row += down;
      column += across;
      if (wells.has(row + " " + column)) return [row, column];
    }
    return place;
  }

  // ---- maps ----
  function map(block, data) {
    const state = { set: 0, field: 0, find: "", at: -1 };
    const count = data.sets[0][Object.keys(data.plots)[0]][0].length;
    const fields = () => [...data.fields, ...data.sets[state.set].fields];

    const sets = select("Features", data.sets.map((one) => one.name), (i) => {
      const before = fields()[state.field];
      state.set = i;
      const now = fields().findIndex((field) => before && field.key === before.key);
      state.field = Math.max(0, now);
      draw();
    });
    const colour = select("Colour by", fields().map((field) => field.name), (i) => {
      state.field = i;
      draw();
    });
    const find = make("input", { type: "search", size: 16,
      placeholder: "treatment, plate, well" });
    find.addEventListener("input", () => {
      state.find = find.value.trim().toLowerCase();
      draw();
    });
    const bar = make("p", { className: "controls" }, ...colour, ...sets,
      make("label", {}, "Find ", find));
    const legend = make("p", { className: "note legend" });
    const canvases = Object.entries(data.plots).map(([plot, name]) => {
      const canvas = make("canvas", { tabIndex: 0 });
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", name +
        " of the wells; arrow keys go from well to well");
      listen(canvas, plot);
      return { canvas, plot, name, base: document.createElement("canvas") };
    });
    const still = block.querySelector(".still");
    still.replaceWith(bar, legend, make("div", { className: "pair" },
      ...canvases.map((one) => {
        one.caption = make("figcaption", {});
        return make("figure", {}, one.canvas, one.caption);
      })));
    const key = block.parentElement.querySelector(".still-key");
    if (key) key.remove();

    function select(label, names, chosen) {
      if (names.length < 2) return [];
      const box = make("select", {}, ...names.map((name, i) =>
        make("option", { value: i }, name)));
      box.addEventListener("change", () => chosen(Number(box.value)));
      return [make("label", {}, label + " ", box)];
    }
    function words(i) {
      const parts = data.wells.length ? [data.wells[i]] : [];
      fields().forEach((field) => {
        if (field.codes) parts.push(field.levels[field.codes[i]]);
        else if (field.values[i] !== null && !["row", "column"].includes(field.key)) {
          parts.push(field.name + " " + short(field.values[i]));
        }
      });
      return parts.filter((part) => part && part !== "none").join(" · ");
    }
    function found() {
      if (!state.find) return null;
      return Array.from({ length: count }, (_, i) =>
        words(i).toLowerCase().includes(state.find));
    }
    function place(plot, i) {
      const [across, up] = data.sets[state.set][plot];
      return across[i] === null ? null : [across[i] / 10000, 1 - up[i] / 10000];
    }
    function pixels(one, [x, y]) {
      const margin = 10;
      return [margin + x * (one.width - 2 * margin), margin + y * (one.height - 2 * margin)];
    }
    function draw() {
      const field = fields()[state.field];
      const paint = !field ? plain() : field.codes ? byCategory(field) : byNumber(field);
      fill(legend, paint.legend);
      const wanted = found();
      if (wanted) legend.append(" " + wanted.filter(Boolean).length + " wells found");
      // Wells that stand out are drawn last.
      const order = Array.from({ length: count }, (_, i) => i)
        .sort((a, b) => paint.rank(a) - paint.rank(b));
      canvases.forEach((one, k) => {
        size(one);
        const pen = one.base.getContext("2d");
        pen.scale(one.ratio, one.ratio);
        const radius = count > 1500 ? 2.2 : 3.2;
        order.forEach((i) => {
          const at = place(one.plot, i);
          if (!at) return;
          dot(pen, pixels(one, at), radius, wanted ? "#E6E6E6" : paint.colour(i));
        });
        if (wanted) order.filter((i) => wanted[i]).forEach((i) => {
          const at = place(one.plot, i);
          const own = paint.colour(i);
          if (at) dot(pen, pixels(one, at), radius + 1, own === FAINT ? "#333" : own, "#222");
        });
        one.caption.textContent = data.sets[state.set].captions[k];
        mark(one);
      });
    }
    function dot(pen, [x, y], radius, colour, edge) {
      pen.beginPath();
      pen.arc(x, y, radius, 0, 2 * Math.PI);
      pen.globalAlpha = 0.85;
      pen.fillStyle = colour;
      pen.fill();
      pen.globalAlpha = 1;
      if (edge) { pen.strokeStyle = edge; pen.lineWidth = 0.8; pen.stroke(); }
    }
    function size(one) {
      one.ratio = Math.max(window.devicePixelRatio || 1, 2); // sharp in print, too
      one.width = one.canvas.clientWidth || 460;
      one.height = Math.round(one.width * 0.75);
      [one.canvas, one.base].forEach((canvas) => {
        canvas.width = one.width * one.ratio;
        canvas.height = one.height * one.ratio;
      });
    }
    function mark(one) {
      const pen = one.canvas.getContext("2d");
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.clearRect(0, 0, one.canvas.width, one.canvas.height);
      pen.drawImage(one.base, 0, 0);
      const at = state.at >= 0 && place(one.plot, state.at);
      if (!at) return;
      pen.scale(one.ratio, one.ratio);
      pen.beginPath();
      pen.arc(...pixels(one, at), 7, 0, 2 * Math.PI);
      pen.lineWidth = 2;
      pen.strokeStyle = "#222";
      pen.stroke();
    }
    function choose(i, canvas, x, y) {
      if (i !== state.at) {
        state.at = i;
        canvases.forEach(mark);
      }
      if (i < 0) hide(); else show(words(i), x, y);
    }
    function listen(canvas, plot) {
      const of = () => canvases.find((one) => one.plot === plot);
      canvas.addEventListener("pointermove", (event) => {
        const box = canvas.getBoundingClientRect();
        const x = event.clientX - box.left, y = event.clientY - box.top;
        let best = -1, least = NEAR_PX * NEAR_PX;
        for (let i = 0; i < count; i += 1) {
          const at = place(plot, i);
          if (!at) continue;
          const [px, py] = pixels(of(), at);
          const far = (px - x) * (px - x) + (py - y) * (py - y);
          if (far < least) { least = far; best = i; }
        }
        choose(best, canvas, event.clientX, event.clientY);
      });
      canvas.addEventListener("pointerleave", () => choose(-1));
      canvas.addEventListener("blur", () => choose(-1));
      canvas.addEventListener("keydown", (event) => {
        if (event.key === "Escape") return choose(-1);
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!step) return undefined;
        event.preventDefault();
        const wanted = found();
        const shown = Array.from({ length: count }, (_, i) => i)
          .filter((i) => place(plot, i) && (!wanted || wanted[i]))
          .sort((a, b) => place(plot, a)[0] - place(plot, b)[0]);
        if (!shown.length) return undefined;
        const now = shown.indexOf(state.at);
        const then = now < 0 ? 0 : (now + step + shown.length) % shown.length;
        const at = pixels(of(), place(plot, shown[then]));
        const box = canvas.getBoundingClientRect();
        return choose(shown[then], canvas, box.left + at[0], box.top + at[1]);
      });
    }
    // Where wells differ in nothing that is known.
    function plain() {
      return { colour: () => TREATED, rank: () => 0, legend: [] };
    }
    function byCategory(field) {
      const many = field.levels.length > FEW;
      if (many && (field.key === "plate_name" || field.key === "experiment")) {
        // So many have no colour each; their order has, and drifts show.
        return ramp(field.codes, [0, field.levels.length - 1], ORDERED,
          [field.levels[0], field.levels[field.levels.length - 1]], "");
      }
      const roles = field.key === "role";
      const fixed = { "control without effect": data.controls.response_0,
        "control in the wanted state": data.controls.response_1,
        "treated": TREATED, "other": FAINT };
      let used = 0;
      const colours = field.levels.map((level) => {
        if (roles) return fixed[level];
        if (level === "none") return FAINT;
        used += 1;
        return used <= FEW ? COLOURS[used - 1] : FAINT;
      });
      const named = field.levels.filter((_, k) => colours[k] !== FAINT || roles);
      const left = field.levels.filter((level, k) =>
        level !== "none" && colours[k] === FAINT && !roles).length;
      const items = named.map((level) => [colours[field.levels.indexOf(level)], level]);
      if (field.levels.includes("none")) items.push([FAINT, "none"]);
      if (left) items.push([FAINT, left + " more: write a name into Find"]);
      return {
        colour: (i) => colours[field.codes[i]],
        rank: (i) => (colours[field.codes[i]] === FAINT ? 0
          : colours[field.codes[i]] === TREATED ? 1 : 2),
        legend: items.map(([colour, words]) => entry(colour, words)),
      };
    }
    function byNumber(field) {
      const known = field.values.filter((value) => value !== null && value === value);
      if (field.key === "response") {
        return ramp(field.values, [-0.5, 1.5], data.diverging,
          ["≤ -0.5", "≥ 1.5"], "0 without effect, 1 the wanted state");
      }
      if (field.key === "concentration_um") {
        const logs = field.values.map((v) => (v > 0 ? Math.log10(v) : null));
        const doses = known.filter((v) => v > 0);
        const ends = [Math.min(...doses), Math.max(...doses)];
        return ramp(logs, ends.map(Math.log10), ORDERED,
          ends.map((v) => short(v) + " " + data.unit), "");
      }
      const sorted = [...known].sort((a, b) => a - b);
      const ends = [0.01, 0.99].map((q) => sorted[Math.floor(q * (sorted.length - 1))]);
      return ramp(field.values, ends, ORDERED, ends.map(short), "");
    }
    function ramp(values, [low, high], colours, ends, words) {
      function level(value) {
        const share = (value - low) / (high - low || 1);
        return Math.min(colours.length - 1, Math.max(0, Math.floor(share * colours.length)));
      }
      const strip = make("span", { className: "ramp" }, ...colours.map((colour) => {
        const cell = make("i", {});
        cell.style.background = colour;
        return cell;
      }));
      const parts = [make("span", { className: "key" }, ends[0] + " ", strip, " " + ends[1])];
      if (words) parts.push(make("span", { className: "key" }, words));
      if (values.includes(null)) parts.push(entry(FAINT, "none"));
      return {
        colour: (i) => (values[i] === null ? FAINT : colours[level(values[i])]),
        rank: (i) => (values[i] === null ? 0 : 1),
        legend: parts,
      };
    }
    function entry(colour, words) {
      const mark = make("i", {}, "●");
      mark.style.color = colour;
      return make("span", { className: "key" }, mark, " " + words);
    }
    function fill(element, parts) { element.replaceChildren(...parts); }

    let waiting = 0;
    window.addEventListener("resize", () => {
      clearTimeout(waiting);
      waiting = setTimeout(draw, 120);
    });
    draw();
  }

  document.querySelectorAll(".map").forEach((block) => map(block, read(block.dataset.map)));
  document.querySelectorAll("[data-plates]").forEach((block) =>
    plates(block, read(block.dataset.plates)));
  window.addEventListener("scroll", hide, { passive: true });
}());
