# Starts, stops or asks for the agent. Arguments: start|stop|state, the service (system|user|process), the folder, the unit's name, the
# folder of units. Prints lines hidp:KEY=VALUE.
LC_ALL=C
PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
export LC_ALL PATH
action=$1 service=$2 dir=$3 unit=$4 units=$5
say() { printf 'hidp:%s=%s\n' "$1" "$2"; }
die() {
  echo "$*" >&2
  exit 1
}
as() {
  if [ "$service" = user ] || [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}
ctl() {
  if [ "$service" = user ]; then systemctl --user "$@"; else as systemctl "$@"; fi
}
if [ "$service" = user ]; then
  XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
  export XDG_RUNTIME_DIR
fi

# process: the pid file counts only if that process is our program: process ids are used again.
running() {
  pid=$(cat "$dir/agent.pid" 2>/dev/null) || return 1
  case $pid in '' | *[!0-9]*) return 1 ;; esac
  here=$(cd "$dir" && pwd -P) || return 1
  case $(readlink "/proc/$pid/exe" 2>/dev/null) in
  "$here/hidp" | "$here/hidp (deleted)") return 0 ;;
  esac
  return 1
}
start_process() {
  stop_process
  cd "$dir" || exit 1
  [ ! -s agent.log ] || mv -f agent.log agent.log.1
  detach=
  command -v setsid >/dev/null && detach=setsid
  trap '' HUP
  umask 077
  $detach ./run </dev/null >agent.log 2>&1 &
  echo $! >agent.pid
  tries=0
  until running; do
    tries=$((tries + 1))
    [ $tries -lt 30 ] || break # whoever asks for the state next hears that it does not run
    sleep 0.1
  done
}
stop_process() {
  if running; then
    kill "$pid"
    tries=0
    while running && [ $tries -lt 100 ]; do
      sleep 0.1
      tries=$((tries + 1))
    done
    ! running || kill -9 "$pid"
  fi
  rm -f "$dir/agent.pid"
}

linger() {
  user=$(id -un)
  [ "$(loginctl show-user "$user" --property=Linger 2>/dev/null)" = Linger=yes ] && return
  # Everybody may do it for himself, who names nobody (org.freedesktop.login1.policy, set-self-linger).
  loginctl enable-linger 2>/dev/null || sudo -n loginctl enable-linger "$user" 2>/dev/null ||
    die "the agent would end with the login, as lingering is off: run sudo loginctl enable-linger $user there, or choose service = \"system\""
  echo linger=set >>"$dir/.hidp-deploy"
}
start_unit() {
  [ "$service" = system ] || linger
  if ! cmp -s "$dir/$unit" "$units/$unit"; then
    as mkdir -p "$units" && as cp "$dir/$unit" "$units/$unit.new" && as chmod 644 "$units/$unit.new" && as mv -f "$units/$unit.new" "$units/$unit" ||
      die "cannot write $units/$unit"
  fi
  ctl daemon-reload && ctl enable "$unit" >/dev/null 2>&1 || die "systemd does not take the unit $units/$unit"
  ctl reset-failed "$unit" 2>/dev/null
  ctl restart "$unit" || die "systemd cannot start $unit: $(ctl status --no-pager --lines=5 "$unit" 2>&1 | tail -n 5)"
}
stop_unit() {
  [ -e "$units/$unit" ] || return
  ctl stop "$unit" || die "systemd cannot stop $unit"
  ctl disable "$unit" >/dev/null 2>&1
  as rm -f "$units/$unit"
  ctl daemon-reload
  ctl reset-failed "$unit" 2>/dev/null
  if [ "$service" = user ]; then
    rmdir "$units/default.target.wants" "$units" 2>/dev/null
    if grep -q '^linger=set' "$dir/.hidp-deploy" 2>/dev/null; then
      loginctl disable-linger 2>/dev/null || sudo -n loginctl disable-linger "$(id -un)" 2>/dev/null
    fi
  fi
  return 0
}

state() {
  if [ "$service" = process ]; then
    running && say running yes && say pid "$pid"
    tail -n 20 "$dir/agent.log" 2>/dev/null
  else
    ctl is-active --quiet "$unit" && say running yes
    journal=
    [ "$service" = system ] || journal=--user
    as journalctl $journal --unit="$unit" --lines=20 --no-pager --output=cat 2>/dev/null
  fi | while read -r line; do
    case $line in
    hidp:running=* | hidp:pid=*) echo "$line" ;;
    *) say log "$line" ;;
    esac
  done
  return 0
}
case $action/$service in
start/process) start_process ;;
stop/process) stop_process ;;
start/*) start_unit ;;
stop/*) stop_unit ;;
state/*) state ;;
esac
