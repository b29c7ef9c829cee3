// Variables of every thread that take a megabyte; linked into other programs.
extern _Thread_local volatile char large_variable[1048576];
_Thread_local volatile char large_variable[1048576];
