# Makes the folder this deployment's own. Arguments: the folder, the service, the node.
set -eu
umask 077
mkdir -p "$1"
cd "$1"
if [ ! -f .hidp-deploy ] && [ -n "$(ls -A)" ]; then
  echo "$1 has other things in it" >&2
  exit 1
fi
chmod 700 .
old=$(sed -n 's/^node=//p' .hidp-deploy 2>/dev/null) || old=
if [ -n "$old" ] && [ "$old" != "$3" ]; then
  rm -f "tls/$old.pem" "tls/$old.key" "hidp-agent-$old.service"
fi
linger=$(grep '^linger=' .hidp-deploy 2>/dev/null) || linger=
{
  echo "service=$2"
  echo "node=$3"
  [ -z "$linger" ] || echo "$linger"
} >.hidp-deploy.new
mv -f .hidp-deploy.new .hidp-deploy
mkdir -p tls lib data
chmod 700 tls lib data
