// A library whose constructor crashes.
__attribute__((constructor)) static void construct(void) {
  static int *volatile wild = (int *)0x1238;
  *wild = 1;
}
