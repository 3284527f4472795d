// SPDX-License-Identifier: GPL-2.0-only
#include "arch/arch.h"

const struct arch_ops *arch_native(void)
{
#if defined(__x86_64__) && defined(__LP64__)
	return &arch_x86_64;
#elif defined(__aarch64__)
	return &arch_aarch64;
#else
#error "no back end for this machine"
#endif
}
