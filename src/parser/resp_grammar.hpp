// RESP requests as a grammar: the specification that one can read. resp.cpp is the same by hand, because it must be fast and must
// be able to stop at every byte; tests/parser/resp_test.cpp holds the two against each other.
//
// Lengths govern what follows them, which no context-free rule can say: `bulk_bytes` and `counted_bulks` ask the state, where the
// action of the length put its value. As in Redis the two bytes behind a bulk are skipped, whatever they are, and so is the byte
// behind the \r of a header line.
#pragma once

// NOLINTBEGIN(readability-identifier-naming): rules are named as in PEGTL itself

#include <cstdint>
#include <tao/pegtl.hpp>

namespace trefoil::parser::resp {

namespace pegtl = tao::pegtl;
using pegtl::any, pegtl::must, pegtl::not_at, pegtl::one, pegtl::opt, pegtl::plus, pegtl::range, pegtl::seq, pegtl::sor,
    pegtl::star, pegtl::success, pegtl::until;

struct Lengths {
  std::int64_t bulk = 0;
  std::int64_t count = 0;
};

// Exactly as many bytes as the length before said.
struct bulk_bytes {
  using rule_t = bulk_bytes;
  using subs_t = pegtl::empty_list;
  template <pegtl::apply_mode, pegtl::rewind_mode, template <typename...> class, template <typename...> class,
            typename ParseInput, typename State>
  static bool match(ParseInput& in, State& state) {
    const auto size = static_cast<std::size_t>(state.lengths.bulk);
    if (in.size() < size) {
      return false;
    }
    in.bump(size);
    return true;
  }
};

// As many of Rule as the count before said.
template <typename Rule>
struct counted {
  using rule_t = counted;
  using subs_t = pegtl::type_list<Rule>;
  template <pegtl::apply_mode A, pegtl::rewind_mode, template <typename...> class Action, template <typename...> class Control,
            typename ParseInput, typename State>
  static bool match(ParseInput& in, State& state) {
    for (std::int64_t left = state.lengths.count; left > 0; --left) {
      if (!Control<Rule>::template match<A, pegtl::rewind_mode::dontcare, Action, Control>(in, state)) {
        return false;
      }
    }
    return true;
  }
};

// clang-format off
struct digits        : sor< one< '0' >, seq< opt< one< '-' > >, range< '1', '9' >, star< range< '0', '9' > > > > {};
struct line_end      : seq< one< '\r' >, any > {};
struct bulk_length   : digits {};
struct bulk          : seq< one< '$' >, bulk_length, line_end, bulk_bytes, any, any > {};
struct argument_count: digits {};
struct multibulk     : seq< one< '*' >, argument_count, line_end, counted< bulk > > {};
struct inline_text   : star< seq< not_at< one< '\n' > >, any > > {};
struct inline_line   : seq< not_at< one< '*' > >, inline_text, one< '\n' > > {};
struct request       : sor< multibulk, inline_line > {};
// clang-format on

}  // namespace trefoil::parser::resp

// NOLINTEND(readability-identifier-naming)
