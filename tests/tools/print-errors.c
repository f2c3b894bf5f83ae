/* docs/return-codes.md, from the one table of errors; tests/tools/make-docs runs it. */
#include "base/err.h"

int main(void)
{
    phi_err_print_markdown(stdout);
    return ferror(stdout) ? 1 : 0;
}
