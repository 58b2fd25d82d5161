# What you may set, here or in the environment: ZONE=us-central1-a launch/tpu.sh create
# shellcheck shell=bash disable=SC2034  # the scripts beside this one read them

# Which TPU, and where (launch/tpu.sh).
PROJECT=${PROJECT:-}              # id of your Google Cloud project; needed
ZONE=${ZONE:-europe-west4-a}      # where the type is and you have quota
TPU_NAME=${TPU_NAME:-gandl}       # of the queued resource and of its one node
ACCELERATOR_TYPE=${ACCELERATOR_TYPE:-v3-8}  # above 8 a pod of many hosts: v3-32
RUNTIME_VERSION=${RUNTIME_VERSION:-tpu-ubuntu2204-base}  # v5e, v5p, v6e have others
SPOT=${SPOT:-1}                   # 1: cheap, may be taken away; 0: not
CREATE_FLAGS=${CREATE_FLAGS:-}    # more of them for gcloud's create
BUCKET=${BUCKET:-}                # gs://NAME[/FOLDER]: runs are kept there
WORKER=${WORKER:-0}               # whose log `tpu.sh logs` shows: 0, 1, ... or all

# How a host runs the program (launch/worker.sh).
RERUNS=${RERUNS:-3}               # at most so many after deaths by a signal
RERUN_DELAY_S=${RERUN_DELAY_S:-10}  # before each rerun
STOP_S=${STOP_S:-60}              # time to save in, before `tpu.sh stop` kills
EXTRA=${EXTRA:-report}            # extras of setup.py; tpu.sh and gpu.sh choose
VENV=${VENV:-.venv}               # virtual environment, within the repository
PYTHON=${PYTHON:-}                # 3.11 to 3.13; empty: found or installed
PYTHON_PACKAGE=${PYTHON_PACKAGE:-python3.11}  # installed where there is none
PROGRAM=${PROGRAM:-}              # run this instead, install nothing

DRY_RUN=${DRY_RUN:-0}             # 1: print the commands, run none
