/* Lua's errors end the benchmark: no jump is ever made, so that the program
 * runs on engines without exceptions, and natively does the same work. */
#ifndef BENCH_SETJMP_H
#define BENCH_SETJMP_H

typedef int jmp_buf[1];
_Noreturn void bench_throw(void);

#define setjmp(buf) ((void)(buf), 0)
#define longjmp(buf, value) bench_throw()

#endif
