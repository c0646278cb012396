// What the actions of the SQL grammar work on, and how its translation units hand results to each other.
//
// A rule that yields something leaves it in a register of the State (`expression`, `query`, `name` …); the rule around it takes
// it from there at once. A node under construction is pointed to by `call`, `select` …; `Builds` (below) makes the node when its
// rule begins and restores the outer one when it ends, so the C++ stack is the stack of unfinished nodes. There is no
// backtracking over anything that built a node (sql_grammar.hpp), so nothing is ever undone.
//
// Trouble is a ParseFailure, thrown by rules with a message and by the checks here, and caught in sql_parser.cpp only.
#pragma once

#include <string>

#include "parser/ast.hpp"
#include "parser/sql_grammar.hpp"
#include "parser/sql_parser.hpp"
#include "parser/sql_tokenizer.hpp"

namespace trefoil::parser {

struct ParseFailure {
  Error error;
};

// `syntax error at or near …` at the token with this index, or at the end of input.
[[noreturn]] void failAtToken(const State& state, std::size_t token_index, std::string detail);
[[noreturn]] void failAt(ast::Position position, ErrorCode code, std::string message, std::string detail = {});

struct State {
  State(ParsedStatement& parsed_in, const TokenList& list_in)
      : parsed(parsed_in), arena(parsed_in.arena), text(parsed_in.text), list(list_in) {}

  ParsedStatement& parsed;
  Arena& arena;
  std::string_view text;
  const TokenList& list;
  std::size_t depth = 0;

  // Results.
  ast::Expression* expression = nullptr;
  ast::Query* query = nullptr;
  ast::TableReference* table = nullptr;
  ast::Statement* statement = nullptr;
  ast::Name name;
  ast::QualifiedName qualified_name;
  ast::TypeName type;
  ast::List<ast::Name> names;
  ast::List<ast::CommonTable> with_tables;  // of the WITH clause that was just read
  bool with_recursive = false;
  ast::List<ast::TableReference*> tables;  // of FROM
  ast::List<ast::SelectItem> select_list;  // of SELECT, RETURNING
  ast::OrderItem order;                    // the latest, as far as it was read
  // DEFAULT may stand for a value in VALUES at exactly this depth: that of an INSERT's own rows.
  std::size_t default_depth = SIZE_MAX;

  // What stands to the left of a predicate, and whether NOT stands between them; see BuildsPredicate.
  ast::Expression* operand = nullptr;
  bool negated = false;

  // Parts of statements that do not nest.
  ast::QualifiedName target;
  ast::Name target_alias;
  ast::List<ast::TableReference*> target_tables;  // UPDATE's FROM, DELETE's USING
  ast::List<ast::Assignment> assignments;
  ast::Expression* where = nullptr;
  ast::List<ast::SelectItem> returning;
  ast::ColumnDefinition column;
  ast::ReferentialAction referential_action = ast::ReferentialAction::kNoAction;
  ast::DropBehavior behavior = ast::DropBehavior::kUnspecified;
  bool temporary = false;
  bool condition = false;  // IF [NOT] EXISTS

  // Under construction.
  ast::Call* call = nullptr;
  ast::Case* case_expression = nullptr;
  ast::Cast* cast = nullptr;
  ast::IsTest* is_test = nullptr;
  ast::Binary* is_distinct = nullptr;
  ast::Between* between = nullptr;
  ast::InList* in_list = nullptr;
  ast::InQuery* in_query = nullptr;
  ast::Like* like = nullptr;
  ast::Select* select = nullptr;
  ast::SetOperation* set_operation = nullptr;
  ast::Values* values = nullptr;
  ast::Join* join = nullptr;
  ast::Query* ordered = nullptr;  // takes ORDER BY, LIMIT, OFFSET
  ast::Insert* insert = nullptr;
  ast::Update* update = nullptr;
  ast::Delete* delete_rows = nullptr;
  ast::Truncate* truncate = nullptr;
  ast::CreateTable* create_table = nullptr;
  ast::CreateIndex* create_index = nullptr;
  ast::CreateView* create_view = nullptr;
  ast::Constraint* constraint = nullptr;
  ast::Drop* drop = nullptr;
  ast::AlterTable* alter_table = nullptr;
  ast::Transaction* transaction = nullptr;
  ast::Set* set = nullptr;
  ast::Explain* explain = nullptr;
  ast::List<ast::SelectItem> select_items;
  ast::List<ast::CommonTable> common_tables;

  [[nodiscard]] std::size_t indexOf(const char* current) const { return static_cast<std::size_t>(current - list.kinds.data()); }
  [[nodiscard]] const Token& tokenAt(const char* current) const { return list.tokens[indexOf(current)]; }
  // Where an error about the token would point; the end of the text behind the last one.
  [[nodiscard]] ast::Position positionOf(const char* current) const {
    const std::size_t index = indexOf(current);
    return index < list.tokens.size() ? list.tokens[index].begin : static_cast<ast::Position>(text.size());
  }
  [[nodiscard]] std::string_view spelling(const Token& token) const { return text.substr(token.begin, token.end - token.begin); }
  [[nodiscard]] ast::Name nameAt(const char* current);

  // `child` hangs below `parent`, whose height follows. Fails above kMaxTreeHeight.
  template <typename Parent, typename Child>
  void grow(Parent* parent, const Child* child) {
    if (child->height >= parent->height) {
      parent->height = static_cast<std::uint16_t>(child->height + 1);
      if (parent->height > kMaxTreeHeight) {
        failTooHigh(parent->position);
      }
    }
  }
  [[noreturn]] static void failTooHigh(ast::Position position);
};

// Puts a WITH clause that began at `position` in front of State::query.
void attachWith(State& state, ast::Position position, const ast::List<ast::CommonTable>& tables, bool recursive);

// One more level of nesting for as long as it lives.
class DepthGuard {
 public:
  DepthGuard(State& state, const TokenInput& in);
  ~DepthGuard() { --state_.depth; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;

 private:
  State& state_;
};

// An action that makes a Node where its rule begins, has the rule's inside fill it through State::*Current, and calls
// Derived::done(state, node) once it is complete. Derived may replace begins() (can the rule match at all? asked first, so that
// no node is made in vain), make() and begin() (the node is there, nothing is read yet).
template <typename Derived, typename Node, Node* State::*Current>
struct Builds : pegtl::maybe_nothing {
  template <typename Rule, pegtl::apply_mode A, pegtl::rewind_mode M, template <typename...> class Action,
            template <typename...> class Control>
  static bool match(TokenInput& in, State& state) {
    if constexpr (A == pegtl::apply_mode::nothing) {
      return pegtl::match<Rule, A, M, Action, Control>(in, state);
    } else {
      if (in.empty() || !Derived::begins(in)) {  // such a rule has at least one token
        return false;
      }
      Node* const outer = state.*Current;
      Node* const node = Derived::make(in, state);
      state.*Current = node;
      Derived::begin(state);
      const bool matched = pegtl::match<Rule, A, M, Action, Control>(in, state);
      state.*Current = outer;
      if (matched) {
        Derived::done(state, node);
      }
      return matched;
    }
  }
  static bool begins(const TokenInput& /*in*/) { return true; }
  static Node* make(const TokenInput& in, State& state) { return state.arena.make<Node>(state.positionOf(in.current())); }
  static void begin(State& /*state*/) {}
};

// For begins().
template <TokenKind... Kinds>
bool atToken(const TokenInput& in) {
  const auto kind = static_cast<TokenKind>(in.peek_uint8());
  return ((kind == Kinds) || ...);
}

// Gives a member of the State a fresh value for as long as it lives, and then the old one back.
template <typename T>
class Scoped {
 public:
  Scoped(State& state, T State::*member) : place_(state.*member), saved_(place_) { place_ = T{}; }
  ~Scoped() { place_ = saved_; }
  Scoped(const Scoped&) = delete;
  Scoped& operator=(const Scoped&) = delete;

 private:
  T& place_;
  T saved_;
};

}  // namespace trefoil::parser
