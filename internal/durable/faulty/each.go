package faulty

import (
	"fmt"
	"testing"

	"hidp/internal/durable"
)

// Trial is something that writes, to be disturbed at each of its calls.
type Trial struct {
	Before func(t *testing.T, root string)                      // makes what is there before; may be nil
	Do     func(files durable.Files, root string) error         // what is disturbed
	After  func(t *testing.T, root string, f Fault, told error) // looks at what is left; told is what Do returned
}

// Run carries the trial out once for every call that it makes and every kind of fault.
func (x Trial) Run(t *testing.T) {
	calls := x.once(t, Fault{})
	if calls == 0 {
		t.Fatal("nothing was written: no call can fail")
	}
	for _, kind := range Kinds() {
		for at := 1; at <= calls+1; at++ { // the last: after all of them
			f := Fault{at, kind}
			if !t.Run(fmt.Sprintf("%s/%d", kind, at), func(t *testing.T) { x.once(t, f) }) {
				return
			}
		}
	}
}

// once returns how many calls there were.
func (x Trial) once(t *testing.T, f Fault) int {
	root := t.TempDir()
	if x.Before != nil {
		x.Before(t, root)
	}
	disk, err := New(root, f)
	if err != nil {
		t.Fatal(err)
	}
	told := x.Do(disk, root)
	if f.At == 0 && told != nil {
		t.Fatal("undisturbed: ", told)
	}
	disk.End()
	if err := disk.Restart(); err != nil {
		t.Fatal(err)
	}
	x.After(t, root, f, told)
	return disk.Calls()
}
