/* SPDX-License-Identifier: BSD-2-Clause */
/* For test_sdv: a value that nobody may have set. */
int Test(int A);
int Test(int A)
{
    int B;
    if (A)
        B = 1;
    return B;
}
