// Package durable is the one place of the project that writes files for good.
//
// A regular file is replaced in one step. The new content is written beside it, synced and renamed, and the folder is synced.
// Whatever moment the machine stops at, the old file is there or the new one, each whole. Permissions of a replaced file are kept.
//
// A path may also name something else. Symbolic links are followed: the file that they lead to is replaced. Devices and FIFOs are
// written into, as they are nobody's to replace. Folders and sockets are refused. The path "-" is standard output.
//
// No folder is made for a file. A folder that a command owns is made by [MakeFolder].
package durable
