/* fuzz_exec.c - libFuzzer: load, instantiate with made-up imports, run. */
#include "tests/robust/exercise.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    (void)exercise_bytes(bytes, len);
    return 0;
}
