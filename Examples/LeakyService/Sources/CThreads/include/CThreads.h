/* Nothing to call: whoever links this has pthread_create and thrd_create in the place of libc's. */
