// Assertions: our bugs stop the process at the line that noticed, before they can reach the log.
//
// TREFOIL_ASSERT stays on in release builds; TREFOIL_DEBUG_ASSERT is for checks too costly for that.
// User input never reaches an assertion: it is checked before, and answered with an Error.
#pragma once

namespace trefoil {

// Writes the condition and its place to stderr and aborts.
[[noreturn]] void assertionFailed(const char* condition, const char* file, int line);

}  // namespace trefoil

#define TREFOIL_ASSERT(condition)                                 \
  do {                                                            \
    if (!(condition)) [[unlikely]] {                              \
      ::trefoil::assertionFailed(#condition, __FILE__, __LINE__); \
    }                                                             \
  } while (false)

#ifdef NDEBUG
#define TREFOIL_DEBUG_ASSERT(condition) \
  do {                                  \
  } while (false)
#else
#define TREFOIL_DEBUG_ASSERT(condition) TREFOIL_ASSERT(condition)
#endif
