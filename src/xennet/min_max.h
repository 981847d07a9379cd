/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XENNET_MIN_MAX_H
#define XENNET_MIN_MAX_H

#define XENNET_MIN(_A, _B) ((_A) < (_B) ? (_A) : (_B))
#define XENNET_MAX(_A, _B) ((_A) > (_B) ? (_A) : (_B))

#endif
