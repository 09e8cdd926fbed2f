/** What a compiler is told beyond C99. */
#ifndef HW_COMPILER_H
#define HW_COMPILER_H

/** Of a function that is called from several places, where a call is smaller than its text. */
#ifdef __GNUC__
#define HW_NOINLINE __attribute__((noinline))
#else
#define HW_NOINLINE
#endif

#endif
