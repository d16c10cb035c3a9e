# Removes what a deployment has put into its folder, and the folder if nothing else is in it. Arguments: the folder, the unit's name.
set -eu
cd "$1"
[ -f .hidp-deploy ] || exit 0
rm -rf tls data lib
for file in hidp run "$2" agent.log agent.log.1 agent.pid; do
  rm -f "$file" "$file".new.*
done
rm -f .hidp-deploy.new .hidp-deploy
cd /
rmdir "$1" 2>/dev/null || printf 'hidp:left=%s\n' "$(ls -A "$1" | tr '\n' ' ')"
