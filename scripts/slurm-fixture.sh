#!/usr/bin/env bash
# A real Slurm of two nodes (n1, n2) on 127.0.0.1, for tests and for trying `--engine slurm` on one machine:
#   scripts/slurm-fixture.sh install    installs Slurm and MUNGE if they are missing (root, apt), or says who has to
#   scripts/slurm-fixture.sh up DIR     installs Slurm if it is missing (root, apt), starts it; then: export SLURM_CONF=DIR/slurm.conf
#   scripts/slurm-fixture.sh down DIR   stops it with every job it runs; safe to repeat, also after a crash
# No systemd, no cgroups, no accounting database; key, sockets, logs, state and pid files are all in DIR. Settings from the environment:
#   FIXTURE_CPUS (per node, 2)  FIXTURE_MAX_ARRAY (MaxArraySize, 1001)  FIXTURE_NODE_TIMEOUT (s until a silent node is down, 5)
# Exit status: 0 done, 1 it could not be started (the reason is on stderr), 2 wrong use.
set -euo pipefail
# Debian keeps the daemons in sbin, which is not on the PATH of ordinary users.
PATH=$PATH:/usr/sbin:/sbin

fail() { echo "slurm-fixture: $1" >&2; exit "${2:-1}"; }

# install gets the programs, or says who has to.
install_slurm() {
  local missing=()
  for program in munged slurmctld slurmd sbatch squeue scontrol; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  [ ${#missing[@]} = 0 ] && return
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    fail "${missing[*]} not found: install Slurm and MUNGE (Debian, Ubuntu: apt-get install --no-install-recommends slurm-wlm munge)"
  fi
  export DEBIAN_FRONTEND=noninteractive
  local log
  log=$(mktemp)
  if ! { timeout 200 apt-get -o DPkg::Lock::Timeout=120 update -qq && timeout 600 apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends slurm-wlm munge; } >"$log" 2>&1; then
    tail -5 "$log" >&2
    rm -f "$log"
    fail "apt-get could not install slurm-wlm and munge"
  fi
  rm -f "$log"
}

# free_port prints a TCP port above $1 on which nothing of this machine listens; below 32768, where outgoing connections take theirs.
free_port() {
  local port=$1
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
  echo "$port"
}

write_conf() {
  local user base ctl p1 p2 node
  user=$(id -un)
  base=$((10000 + RANDOM % 20000))
  ctl=$(free_port $base); p1=$(free_port $((ctl + 1))); p2=$(free_port $((p1 + 1)))
  node="NodeHostname=localhost NodeAddr=127.0.0.1 CPUs=${FIXTURE_CPUS:-2} RealMemory=1000 State=UNKNOWN"
  cat >"$dir/slurm.conf" <<CONF
ClusterName=fixture
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$ctl
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
CredType=cred/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool-%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/%n.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
MaxArraySize=${FIXTURE_MAX_ARRAY:-1001}
SlurmdTimeout=${FIXTURE_NODE_TIMEOUT:-5}
KillWait=2
ReturnToService=2
NodeName=n1 Port=$p1 $node
NodeName=n2 Port=$p2 $node
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=60 State=UP
CONF
}

# await runs a command until it succeeds, for at most $1 tenths of a second.
await() {
  local tenths=$1
  shift
  until "$@" >/dev/null 2>&1; do
    tenths=$((tenths - 1))
    [ $tenths -gt 0 ] || return 1
    sleep 0.1
  done
}

nodes_idle() { [ "$(timeout 5 sinfo -h -N -o '%T' | sort -u)" = idle ]; }

up() {
  install_slurm
  [ ${#dir} -le 80 ] || fail "$dir is too long for the path of a socket: choose a folder of at most 80 characters" 2
  case $dir in *[[:space:]]*) fail "the path $dir holds a space, which slurm.conf cannot express" 2 ;; esac
  [ -z "$(ls -A "$dir")" ] || [ -e "$dir/.slurm-fixture" ] || fail "$dir holds files of others: choose an empty folder" 2
  touch "$dir/.slurm-fixture"
  stop_all # what an earlier fixture in the same folder left
  rm -rf "$dir"/*.pid "$dir"/*.log "$dir"/munge.* "$dir/state" "$dir/spool-n1" "$dir/spool-n2"
  mkdir "$dir/state" "$dir/spool-n1" "$dir/spool-n2"
  write_conf
  export SLURM_CONF=$dir/slurm.conf SLURM_FIXTURE=$dir
  (umask 077 && head -c 128 /dev/urandom >"$dir/munge.key")
  # --force: a test's folder may be closed to others, which is what munged warns of.
  munged --force --socket="$dir/munge.socket" --key-file="$dir/munge.key" --pid-file="$dir/munged.pid" \
    --log-file="$dir/munged.log" --seed-file="$dir/munged.seed" 2>"$dir/munged.err" || { cat "$dir/munged.err" >&2; fail "munged did not start"; }
  slurmctld -c -f "$SLURM_CONF" >"$dir/slurmctld.err" 2>&1 || { cat "$dir/slurmctld.err" >&2; fail "slurmctld did not start"; }
  for node in n1 n2; do # side by side: each takes two seconds to answer
    slurmd -N $node -f "$SLURM_CONF" >"$dir/$node.err" 2>&1 &
  done
  wait
  if ! await 100 nodes_idle; then
    cat "$dir"/n?.err >&2
    tail -n 5 "$dir"/*.log >&2
    stop_all
    fail "the two nodes were not ready in time"
  fi
  echo "SLURM_CONF=$dir/slurm.conf"
}

# ours prints the ids of the processes that belong to the fixture; pid files are not enough, for they name no steps and no jobs. Daemons
# carry SLURM_FIXTURE; jobs carry our slurm.conf and a job id (a user's shell has only the former); steps hide their environment, but
# they keep the log of their daemon open.
ours() {
  {
    grep -slzxF "SLURM_FIXTURE=$dir" /proc/[0-9]*/environ
    grep -slzxF "SLURM_CONF=$dir/slurm.conf" /proc/[0-9]*/environ | xargs -r grep -slz '^SLURM_JOB_ID='
    grep -slx slurmstepd /proc/[0-9]*/comm | sed 's/comm$/fd/' | xargs -rI{} find {} -lname "$dir/n?.log"
  } 2>/dev/null | cut -d/ -f3 | sort -u || true
}

none_left() { [ -z "$(ours)" ]; }

stop_all() {
  local pids
  pids=$(ours)
  [ -n "$pids" ] || return 0
  kill -TERM $pids 2>/dev/null || true
  await 20 none_left && return
  pids=$(ours)
  [ -z "$pids" ] || kill -KILL $pids 2>/dev/null || true
  await 30 none_left || fail "processes of the fixture do not end: $(ours | tr '\n' ' ')"
}

down() {
  [ -e "$dir/.slurm-fixture" ] || fail "there is no fixture in $dir" 2
  stop_all
  rm -f "$dir"/*.pid "$dir"/munge.socket*
}

[ "$*" != install ] || { install_slurm; exit 0; }
[ $# = 2 ] || fail "use: slurm-fixture.sh install, or up|down DIR" 2
mkdir -p "$2" 2>/dev/null || fail "cannot create $2" 2
dir=$(cd "$2" && pwd -P)
case $1 in
  up) up ;;
  down) down ;;
  *) fail "use: slurm-fixture.sh up|down DIR" 2 ;;
esac
