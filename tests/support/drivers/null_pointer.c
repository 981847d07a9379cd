/* SPDX-License-Identifier: BSD-2-Clause */
/* For test_sdv: a pointer read where it is NULL. */
int Test(int *P);
int Test(int *P)
{
    if (!P)
        return *P;
    return 0;
}
