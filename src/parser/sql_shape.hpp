// The shape of a statement: what the shape cache looks up instead of running the grammar.
//
// One pass over the bytes finds where the statement ends, writes its shape text, hashes it, and decodes its literals.
//
//   SELECT Name FROM users -- who?        shape text   select name from users where id = #i and x > #d
//    WHERE id = 42 AND x > 1.5;           literals     42, 1.5      positions   45, 56
//
// Two statements have the same shape text exactly if they have the same tokens apart from the case of unquoted words and the
// values of literals; of a literal only its class is kept: #i integer, #d decimal or beyond int64, #s string, #b blob, #v vector.
// NULL, TRUE and FALSE are words, parameters ($1, ?) are tokens, white space and comments leave nothing. Literals are counted as
// in the syntax tree: literals()[i] belongs to the ast::Literal with index i.
//
// The tokens are those of sql_token_grammar.hpp, cut by hand and by the same tables of characters and the same decoders
// (sql_tokens.hpp, sql_literals.hpp); tests/parser/sql_shape_test.cpp holds the two against each other.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/value.hpp"
#include "parser/arena.hpp"

namespace trefoil::parser {

enum class ShapeState : std::uint8_t {
  kReady,        // hash, text and literals may be used to look up the cache
  kUncacheable,  // the end was found, but the grammar must look: a token that is none, too long, too many literals
  kUnfinished,   // the text ends inside a string, a quoted name or a comment
};

// Scans one statement at a time and is reused for the next; its results stand until then. It holds some 36 KB, from the first
// scan on. One per thread serves only if no statement can begin on that thread while another one still uses its literals. Thread
// safety: none.
class ShapeScanner {
 public:
  static constexpr std::size_t kMaxLiterals = 1024;
  static constexpr std::size_t kMaxShapeBytes = std::size_t{16} << 10;

  // Scans up to the first ';' outside strings, quoted names and comments, or to the end of the text. Views in literals() are into
  // `text`, or into the scanner where something was unescaped.
  ShapeState scan(std::string_view text);

  // Bytes of the statement, without ';', and with it: where the next statement begins.
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t consumed() const { return consumed_; }
  [[nodiscard]] bool terminated() const { return consumed_ > size_; }
  // Nothing but white space and comments.
  [[nodiscard]] bool empty() const { return token_count_ == 0; }

  // kReady only.
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] std::string_view text() const { return shape_; }
  [[nodiscard]] std::span<const Datum> literals() const { return {literals_.get(), literal_count_}; }
  [[nodiscard]] std::span<const std::uint32_t> positions() const { return {positions_.get(), literal_count_}; }

 private:
  class Run;

  std::unique_ptr<char[]> buffer_;
  std::string_view shape_;
  std::uint64_t hash_ = 0;
  std::size_t size_ = 0;
  std::size_t consumed_ = 0;
  std::size_t token_count_ = 0;
  std::unique_ptr<Datum[]> literals_;
  std::unique_ptr<std::uint32_t[]> positions_;
  std::size_t literal_count_ = 0;
  Arena arena_;
};

}  // namespace trefoil::parser
