package deploy

import "strings"

// quote returns s as one word of a POSIX shell, whatever it holds but NUL bytes, which no argument can carry.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// remoteCommand is the command line that runs a script with arguments on a board. ssh hands it to the user's login shell.
func remoteCommand(script string, args []string) string {
	words := []string{"exec sh -c", quote(script), "hidp"}
	for _, a := range args {
		words = append(words, quote(a))
	}
	return strings.Join(words, " ")
}
