/* SPDX-License-Identifier: BSD-2-Clause */
/* For test_sdv: an index beyond the array. */
int Test(void);
int Test(void)
{
    int A[4];
    A[4] = 1;
    return A[4];
}
