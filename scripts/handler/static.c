/*
 * libdumpcollect-static.a: what libunwind's objects refer to and the handler never comes to. Local names, like all of
 * libunwind there.
 */

/* Continues at a frame: only after unwinding the own stack, which is never done. libc has none by this name. */
int _Ux86_64_setcontext(const void *context) {
  (void)context;
  return -1;
}

/* Unpacks symbols of stripped files (MiniDebugInfo), for names of functions, which are not asked for. 5: LZMA_MEM_ERROR. */
#define NOT_HERE(name) \
  int name(void) { return 5; }
NOT_HERE(lzma_index_buffer_decode)
NOT_HERE(lzma_stream_buffer_decode)
NOT_HERE(lzma_stream_footer_decode)
void lzma_index_end(void *index, const void *allocator) { (void)index, (void)allocator; }
unsigned long lzma_index_size(const void *index) { return (void)index, 0; }
unsigned long lzma_index_uncompressed_size(const void *index) { return (void)index, 0; }

/* libdumpcollect-threads.a stands in the place of libc.a's pthread_create and thrd_create and finds them under these
   names; nobody else asks for the object files that have them. */
extern int __pthread_create_2_1(void);
extern int __thrd_create(void);
__attribute__((used)) static int (*const needed[])(void) = {__pthread_create_2_1, __thrd_create};
