# Replaces a file by what comes on standard input, if that is whole: a broken copy leaves the old file. Arguments: the file, its mode,
# its SHA-256.
set -eu
umask 077
for stale in "$1".new.*; do
  kill -0 "${stale##*.}" 2>/dev/null || rm -f "$stale"
done
new=$1.new.$$
trap 'rm -f "$new"' EXIT
trap 'exit 1' HUP INT TERM PIPE
cat >"$new"
sum=$(sha256sum <"$new")
if [ "${sum%% *}" != "$3" ]; then
  echo "only a broken copy arrived: the old file is kept" >&2
  exit 1
fi
chmod "$2" "$new"
mv -f "$new" "$1"
