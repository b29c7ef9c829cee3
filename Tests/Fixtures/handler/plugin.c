// A library that the stress program loads and unloads all the time.
static int calls;
int plugin_call(int (*back)(int), int value) { return back(value) + ++calls; }
