package inference

import "github.com/ebitengine/purego"

// Trim gives the system the memory back that closed sessions have left with the allocator of the C library, which would keep it for
// others: about half of what a network takes. It takes some milliseconds. Only glibc can do it (malloc_trim(3)); elsewhere nothing
// happens.
func (e *ORT) Trim() {
	libc, err := purego.Dlopen("libc.so.6", purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return
	}
	defer purego.Dlclose(libc)
	if trim, err := purego.Dlsym(libc, "malloc_trim"); err == nil {
		purego.SyscallN(trim, 0)
	}
}
