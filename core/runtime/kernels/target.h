// SPDX-License-Identifier: GPL-3.0-or-later
// Every function after this line may use the instructions that BITWRIGHT_TARGET names. Deliberately without an include guard, and last of a file's includes: functions of
// the standard library must have been compiled for every processor.
#define BITWRIGHT_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define BITWRIGHT_ATTRIBUTE(names) BITWRIGHT_PRAGMA(clang attribute push(__attribute__((target(names))), apply_to = function))
BITWRIGHT_ATTRIBUTE(BITWRIGHT_TARGET)
#else
#define BITWRIGHT_ATTRIBUTE(names) BITWRIGHT_PRAGMA(GCC target(names))
BITWRIGHT_ATTRIBUTE(BITWRIGHT_TARGET)
#endif
