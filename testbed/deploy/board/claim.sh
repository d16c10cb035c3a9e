# Makes the folder this deployment's own. Arguments: the folder, the service.
set -eu
umask 077
mkdir -p "$1"
cd "$1"
if [ ! -f .hidp-deploy ] && [ -n "$(ls -A)" ]; then
  echo "$1 has other things in it" >&2
  exit 1
fi
chmod 700 .
linger=$(grep '^linger=' .hidp-deploy 2>/dev/null) || linger=
{
  echo "service=$2"
  [ -z "$linger" ] || echo "$linger"
} >.hidp-deploy.new
mv -f .hidp-deploy.new .hidp-deploy
mkdir -p tls lib data
chmod 700 tls lib data
