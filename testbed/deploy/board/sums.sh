# Prints a line hidp:N=SHA-256 MODE for each file that exists; N is the argument's number, from 0.
n=0
for file; do
  if [ -f "$file" ] && sum=$(sha256sum <"$file"); then
    printf 'hidp:%s=%s %s\n' "$n" "${sum%% *}" "$(stat -c %a "$file")"
  fi
  n=$((n + 1))
done
exit 0
