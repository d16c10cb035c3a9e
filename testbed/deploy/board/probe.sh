# Prints what the board is as lines hidp:KEY=VALUE. Arguments: the folder (below the home folder unless absolute), the library's path
# or nothing. Changes nothing.
LC_ALL=C
PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
export LC_ALL PATH
say() { printf 'hidp:%s=%s\n' "$1" "$2"; }
case $1 in
/*) dir=$1 ;;
*) dir=$HOME/$1 ;;
esac
say dir "$dir"
say home "$HOME"
say user "$(id -un)"
say uid "$(id -u)"
say groups "$(id -Gn)"
say system "$(uname -s)"
say machine "$(uname -m)"
say kernel "$(uname -r)"
say bits "$(getconf LONG_BIT 2>/dev/null)"
say libc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
say time "$(date +%s)"
[ -r /proc/device-tree/model ] && say model "$(tr -d '\000' </proc/device-tree/model)"
[ -r /etc/nv_tegra_release ] && say l4t "$(head -n 1 /etc/nv_tegra_release)"
say address "$(echo "$SSH_CONNECTION" | { read -r _ _ server _; echo "$server"; })"
place=$dir
while [ ! -d "$place" ]; do place=$(dirname "$place"); done
say free "$(df -Pk "$place" | { read -r _; read -r _ _ _ free _; echo "$free"; })"
[ -w "$place" ] && [ -x "$place" ] && say writable yes
if [ -f "$dir/.hidp-deploy" ]; then
  say owned yes
  while read -r line; do say "installed-${line%%=*}" "${line#*=}"; done <"$dir/.hidp-deploy"
elif [ -e "$dir" ] && [ -n "$(ls -A "$dir" 2>/dev/null)" ]; then
  say foreign yes
fi
[ -n "$2" ] && [ -f "$2" ] && [ -r "$2" ] && say ort yes
for tool in sha256sum setsid; do command -v "$tool" >/dev/null && say "tool-$tool" yes; done
if version=$(systemctl show --property=Version 2>/dev/null); then
  say systemd "${version#Version=}"
  XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
  export XDG_RUNTIME_DIR
  systemctl --user show --property=Version >/dev/null 2>&1 && say manager yes
fi
if [ "$(id -u)" = 0 ] || sudo -n true >/dev/null 2>&1; then say sudo yes; fi
exit 0
