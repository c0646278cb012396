// The abstract syntax tree of one SQL statement: what the parser hands to the binder.
//
//   ParsedStatement ── arena ── Statement (a struct per kind) ── Query ── TableReference
//                                      │                           └───── Expression
//                                      └── Expression …
//
// Nodes are plain structs in the statement's arena, told apart by `kind`; as<T>() is the checked downcast. Nothing is ever null
// unless its comment says so; an absent name has empty text. Names are folded as PostgreSQL does it: unquoted ones to lower case,
// quoted ones as written. Every node has the byte position in ParsedStatement::text at which an error about it should point (for
// an operator or predicate (+, IS, IN …) the operator itself, for everything else its first token).
//
// Meaning is not checked here: a type, table or function is only a name, and `a.b` is only two names.
//
// No tree is higher than kMaxTreeHeight (sql_parser.hpp), so a consumer may recurse. Chains of AND and of OR, which programs
// write by the thousand, arrive balanced, with their operands in order.
//
// Literals are numbered in the order in which they stand in the text. The shape scanner (sql_shape.hpp) counts the same way, so
// Literal::index is the literal's place in the array of decoded literals of the shape cache.
// Lifetime: all text belongs to the ParsedStatement. Thread safety: immutable once parsed.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/assert.hpp"
#include "parser/arena.hpp"

namespace trefoil::ast {

using Position = std::uint32_t;  // byte offset in the statement's text

// An array in the arena. Filled by the parser only.
template <typename T>
class List {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const T* begin() const { return data_; }
  [[nodiscard]] const T* end() const { return data_ + size_; }
  [[nodiscard]] T* begin() { return data_; }
  [[nodiscard]] T* end() { return data_ + size_; }
  const T& operator[](std::size_t index) const {
    TREFOIL_DEBUG_ASSERT(index < size_);
    return data_[index];
  }
  T& operator[](std::size_t index) {
    TREFOIL_DEBUG_ASSERT(index < size_);
    return data_[index];
  }
  [[nodiscard]] const T& front() const { return (*this)[0]; }
  [[nodiscard]] const T& back() const { return (*this)[size_ - 1]; }
  [[nodiscard]] T& back() { return (*this)[size_ - 1]; }

  void push(parser::Arena& arena, const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (size_ == capacity_) {
      const std::uint32_t capacity = capacity_ == 0 ? 4 : capacity_ * 2;
      T* grown = arena.makeArray<T>(capacity);
      if (size_ != 0) {
        std::memcpy(static_cast<void*>(grown), data_, size_ * sizeof(T));
      }
      data_ = grown;
      capacity_ = capacity;
    }
    new (data_ + size_++) T(value);
  }

 private:
  T* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

// A name as the catalog knows it (folded, without quotes). Empty text: there is none.
struct Name {
  std::string_view text;
  Position position = 0;
  [[nodiscard]] bool empty() const { return text.empty(); }
};

// schema.name or name.
struct QualifiedName {
  Name schema;  // may be empty
  Name name;
};

// A type as written: its name folded and in one spelling ("int" for INT, "double precision", "timestamp with time zone"), with
// the numbers in parentheses behind it. Which names are types, and what the numbers mean, is the binder's to say.
struct TypeName {
  Name name;
  List<std::int64_t> modifiers;  // VARCHAR(10): 10; NUMERIC(8, 2): 8, 2; VECTOR(128): 128
};

struct Query;
struct SelectItem;

// ---------------------------------------------------------------------------------------------------------------- expressions

enum class ExpressionKind : std::uint8_t {
  kLiteral,
  kParameter,
  kColumn,
  kStar,
  kDefault,
  kUnary,
  kBinary,
  kIsTest,
  kBetween,
  kInList,
  kInQuery,
  kLike,
  kExists,
  kSubquery,
  kCase,
  kCast,
  kCall,
};

struct Expression {
  ExpressionKind kind;
  std::uint16_t height;  // of the tree from here down
  Position position;

  template <typename T>
  [[nodiscard]] bool is() const {
    return kind == T::kKind;
  }
  template <typename T>
  [[nodiscard]] const T& as() const {
    TREFOIL_ASSERT(kind == T::kKind);
    return static_cast<const T&>(*this);
  }
  template <typename T>
  [[nodiscard]] T& as() {
    TREFOIL_ASSERT(kind == T::kKind);
    return static_cast<T&>(*this);
  }
};

// Gives a node its kind: struct Literal : ExpressionOf<ExpressionKind::kLiteral>.
template <ExpressionKind K>
struct ExpressionOf : Expression {
  static constexpr ExpressionKind kKind = K;
  explicit ExpressionOf(Position position_in) : Expression{K, 1, position_in} {}
};

enum class LiteralKind : std::uint8_t {
  kNull,
  kBoolean,
  kInteger,  // fits std::int64_t; a sign before it is a Unary
  kDecimal,  // digits with point or exponent, or an integer beyond int64: `text` as written (-9223372036854775808 arrives as
             // the negation of one of these)
  kString,   // `text` without quotes and escapes
  kBlob,     // x'…': `text` holds the decoded bytes
  kVector,   // [1, 2.5, -3]: `floats`
};

inline constexpr std::uint32_t kNoLiteralIndex = UINT32_MAX;

struct Literal : ExpressionOf<ExpressionKind::kLiteral> {
  using ExpressionOf::ExpressionOf;
  LiteralKind literal_kind = LiteralKind::kNull;
  std::uint32_t index = kNoLiteralIndex;  // among the statement's literals; none for NULL, TRUE and FALSE, which are keywords
  std::int64_t integer = 0;               // a kInteger, and a kBoolean as 0 or 1
  std::string_view text;
  std::span<const float> floats;
};

// $2 has number 2; the third ? has number 3. A statement uses one of the two forms.
struct Parameter : ExpressionOf<ExpressionKind::kParameter> {
  using ExpressionOf::ExpressionOf;
  std::uint32_t number = 0;
};

struct Column : ExpressionOf<ExpressionKind::kColumn> {
  using ExpressionOf::ExpressionOf;
  Name table;  // may be empty
  Name name;
};

// * or t.*: in a select list, RETURNING and count(*).
struct Star : ExpressionOf<ExpressionKind::kStar> {
  using ExpressionOf::ExpressionOf;
  Name table;  // may be empty
};

// DEFAULT as a value: only directly in the rows of INSERT … VALUES and at the right of SET column =.
struct Default : ExpressionOf<ExpressionKind::kDefault> {
  using ExpressionOf::ExpressionOf;
};

enum class UnaryOperator : std::uint8_t { kNegate, kPlus, kNot };

struct Unary : ExpressionOf<ExpressionKind::kUnary> {
  using ExpressionOf::ExpressionOf;
  UnaryOperator op = UnaryOperator::kNot;
  Expression* operand = nullptr;
};

enum class BinaryOperator : std::uint8_t {
  kOr,
  kAnd,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIsDistinctFrom,
  kIsNotDistinctFrom,
  kConcatenate,      // ||
  kJsonGet,          // ->
  kJsonGetText,      // ->>
  kL2Distance,       // <->
  kCosineDistance,   // <=>
  kNegativeProduct,  // <#>, the negated inner product
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kPower,  // ^
};

// As it is written: "<=", "IS DISTINCT FROM".
constexpr std::string_view operatorText(BinaryOperator op) {
  switch (op) {
    case BinaryOperator::kOr:
      return "OR";
    case BinaryOperator::kAnd:
      return "AND";
    case BinaryOperator::kEqual:
      return "=";
    case BinaryOperator::kNotEqual:
      return "<>";
    case BinaryOperator::kLess:
      return "<";
    case BinaryOperator::kLessEqual:
      return "<=";
    case BinaryOperator::kGreater:
      return ">";
    case BinaryOperator::kGreaterEqual:
      return ">=";
    case BinaryOperator::kIsDistinctFrom:
      return "IS DISTINCT FROM";
    case BinaryOperator::kIsNotDistinctFrom:
      return "IS NOT DISTINCT FROM";
    case BinaryOperator::kConcatenate:
      return "||";
    case BinaryOperator::kJsonGet:
      return "->";
    case BinaryOperator::kJsonGetText:
      return "->>";
    case BinaryOperator::kL2Distance:
      return "<->";
    case BinaryOperator::kCosineDistance:
      return "<=>";
    case BinaryOperator::kNegativeProduct:
      return "<#>";
    case BinaryOperator::kAdd:
      return "+";
    case BinaryOperator::kSubtract:
      return "-";
    case BinaryOperator::kMultiply:
      return "*";
    case BinaryOperator::kDivide:
      return "/";
    case BinaryOperator::kModulo:
      return "%";
    case BinaryOperator::kPower:
      return "^";
  }
  return {};
}

struct Binary : ExpressionOf<ExpressionKind::kBinary> {
  using ExpressionOf::ExpressionOf;
  BinaryOperator op = BinaryOperator::kAnd;
  Expression* left = nullptr;
  Expression* right = nullptr;
};

enum class IsTestKind : std::uint8_t { kNull, kTrue, kFalse, kUnknown };

// operand IS [NOT] NULL | TRUE | FALSE | UNKNOWN
struct IsTest : ExpressionOf<ExpressionKind::kIsTest> {
  using ExpressionOf::ExpressionOf;
  IsTestKind test = IsTestKind::kNull;
  bool negated = false;
  Expression* operand = nullptr;
};

struct Between : ExpressionOf<ExpressionKind::kBetween> {
  using ExpressionOf::ExpressionOf;
  bool negated = false;
  Expression* operand = nullptr;
  Expression* low = nullptr;
  Expression* high = nullptr;
};

// operand [NOT] IN (items…). The list may be empty, as SQLite allows.
struct InList : ExpressionOf<ExpressionKind::kInList> {
  using ExpressionOf::ExpressionOf;
  bool negated = false;
  Expression* operand = nullptr;
  List<Expression*> items;
};

struct InQuery : ExpressionOf<ExpressionKind::kInQuery> {
  using ExpressionOf::ExpressionOf;
  bool negated = false;
  Expression* operand = nullptr;
  Query* query = nullptr;
};

struct Like : ExpressionOf<ExpressionKind::kLike> {
  using ExpressionOf::ExpressionOf;
  bool negated = false;
  bool case_insensitive = false;  // ILIKE
  Expression* operand = nullptr;
  Expression* pattern = nullptr;
  Expression* escape = nullptr;  // may be null: backslash
};

struct Exists : ExpressionOf<ExpressionKind::kExists> {
  using ExpressionOf::ExpressionOf;
  Query* query = nullptr;
};

// (SELECT …) as a value.
struct Subquery : ExpressionOf<ExpressionKind::kSubquery> {
  using ExpressionOf::ExpressionOf;
  Query* query = nullptr;
};

struct CaseBranch {
  Expression* condition = nullptr;  // with an operand: the value to compare it with
  Expression* result = nullptr;
};

struct Case : ExpressionOf<ExpressionKind::kCase> {
  using ExpressionOf::ExpressionOf;
  Expression* operand = nullptr;  // may be null: CASE WHEN condition …
  List<CaseBranch> branches;
  Expression* otherwise = nullptr;  // may be null: NULL
};

enum class CastSyntax : std::uint8_t { kCast, kColons, kTypedLiteral };

// CAST(operand AS type), operand::type, or DATE '2026-01-01' (then operand is a string Literal).
struct Cast : ExpressionOf<ExpressionKind::kCast> {
  using ExpressionOf::ExpressionOf;
  CastSyntax syntax = CastSyntax::kCast;
  Expression* operand = nullptr;
  TypeName type;
};

// name(arguments). COALESCE, NULLIF, GREATEST … are ordinary names here; count(*) has one Star as argument.
struct Call : ExpressionOf<ExpressionKind::kCall> {
  using ExpressionOf::ExpressionOf;
  Name name;
  bool distinct = false;
  List<Expression*> arguments;
  Expression* filter = nullptr;  // FILTER (WHERE …), may be null
};

// -------------------------------------------------------------------------------------------------------------------- queries

struct SelectItem {
  Expression* expression = nullptr;
  Name alias;  // may be empty
};

enum class NullsOrder : std::uint8_t { kUnspecified, kFirst, kLast };

struct OrderItem {
  Expression* expression = nullptr;
  bool descending = false;
  NullsOrder nulls = NullsOrder::kUnspecified;  // PostgreSQL's default: last when ascending, first when descending
};

enum class TableReferenceKind : std::uint8_t { kTable, kSubquery, kFunction, kJoin };

struct TableReference {
  TableReferenceKind kind;
  std::uint16_t height;
  Position position;
  Name alias;                 // may be empty; a join has none
  List<Name> column_aliases;  // t(a, b); usually empty

  template <typename T>
  [[nodiscard]] bool is() const {
    return kind == T::kKind;
  }
  template <typename T>
  [[nodiscard]] const T& as() const {
    TREFOIL_ASSERT(kind == T::kKind);
    return static_cast<const T&>(*this);
  }
  template <typename T>
  [[nodiscard]] T& as() {
    TREFOIL_ASSERT(kind == T::kKind);
    return static_cast<T&>(*this);
  }
};

template <TableReferenceKind K>
struct TableReferenceOf : TableReference {
  static constexpr TableReferenceKind kKind = K;
  explicit TableReferenceOf(Position position_in) : TableReference{K, 1, position_in, {}, {}} {}
};

struct NamedTable : TableReferenceOf<TableReferenceKind::kTable> {
  using TableReferenceOf::TableReferenceOf;
  QualifiedName name;
};

struct SubqueryTable : TableReferenceOf<TableReferenceKind::kSubquery> {
  using TableReferenceOf::TableReferenceOf;
  Query* query = nullptr;
};

// kv('user:*'), generate_series(1, 10)
struct FunctionTable : TableReferenceOf<TableReferenceKind::kFunction> {
  using TableReferenceOf::TableReferenceOf;
  Call* call = nullptr;
};

enum class JoinType : std::uint8_t { kInner, kLeft, kRight, kFull, kCross };

struct Join : TableReferenceOf<TableReferenceKind::kJoin> {
  using TableReferenceOf::TableReferenceOf;
  JoinType type = JoinType::kInner;
  bool natural = false;
  TableReference* left = nullptr;
  TableReference* right = nullptr;
  Expression* condition = nullptr;  // ON; null for USING, NATURAL and CROSS
  List<Name> using_columns;
};

enum class Materialization : std::uint8_t { kUnspecified, kAlways, kNever };

struct CommonTable {
  Name name;
  List<Name> columns;  // usually empty
  Query* query = nullptr;
  Materialization materialized = Materialization::kUnspecified;
};

enum class QueryKind : std::uint8_t { kSelect, kSetOperation, kValues };

// What answers rows: a SELECT, a VALUES list, or two queries joined by UNION & co. All of them may carry WITH, ORDER BY, LIMIT.
struct Query {
  QueryKind kind;
  std::uint16_t height;
  Position position;
  bool recursive = false;  // WITH RECURSIVE
  List<CommonTable> common_tables;
  List<OrderItem> order_by;
  Expression* limit = nullptr;   // may be null
  Expression* offset = nullptr;  // may be null

  template <typename T>
  [[nodiscard]] bool is() const {
    return kind == T::kKind;
  }
  template <typename T>
  [[nodiscard]] const T& as() const {
    TREFOIL_ASSERT(kind == T::kKind);
    return static_cast<const T&>(*this);
  }
  template <typename T>
  [[nodiscard]] T& as() {
    TREFOIL_ASSERT(kind == T::kKind);
    return static_cast<T&>(*this);
  }
};

template <QueryKind K>
struct QueryOf : Query {
  static constexpr QueryKind kKind = K;
  explicit QueryOf(Position position_in) : Query{K, 1, position_in, false, {}, {}, nullptr, nullptr} {}
};

struct Select : QueryOf<QueryKind::kSelect> {
  using QueryOf::QueryOf;
  bool distinct = false;
  List<SelectItem> items;
  List<TableReference*> from;  // empty: one row without columns
  Expression* where = nullptr;
  List<Expression*> group_by;
  Expression* having = nullptr;
};

enum class SetOperator : std::uint8_t { kUnion, kIntersect, kExcept };

struct SetOperation : QueryOf<QueryKind::kSetOperation> {
  using QueryOf::QueryOf;
  SetOperator op = SetOperator::kUnion;
  bool all = false;
  Query* left = nullptr;
  Query* right = nullptr;
};

struct Values : QueryOf<QueryKind::kValues> {
  using QueryOf::QueryOf;
  List<List<Expression*>> rows;  // each of them has at least one value; their lengths may differ (the binder complains)
};

// ----------------------------------------------------------------------------------------------------------------- statements

enum class StatementKind : std::uint8_t {
  kQuery,
  kInsert,
  kUpdate,
  kDelete,
  kTruncate,
  kCreateTable,
  kCreateIndex,
  kCreateView,
  kDrop,
  kAlterTable,
  kTransaction,
  kSet,
  kShow,
  kExplain,
  kCheckpoint,
};

struct Statement {
  StatementKind kind;
  Position position;

  template <typename T>
  [[nodiscard]] bool is() const {
    return kind == T::kKind;
  }
  template <typename T>
  [[nodiscard]] const T& as() const {
    TREFOIL_ASSERT(kind == T::kKind);
    return static_cast<const T&>(*this);
  }
  template <typename T>
  [[nodiscard]] T& as() {
    TREFOIL_ASSERT(kind == T::kKind);
    return static_cast<T&>(*this);
  }
};

template <StatementKind K>
struct StatementOf : Statement {
  static constexpr StatementKind kKind = K;
  explicit StatementOf(Position position_in) : Statement{K, position_in} {}
};

struct QueryStatement : StatementOf<StatementKind::kQuery> {
  using StatementOf::StatementOf;
  Query* query = nullptr;
};

struct Assignment {
  Name column;
  Expression* value = nullptr;  // may be a Default
};

struct OnConflict {
  Position position = 0;
  List<Name> columns;  // the conflict target; may be empty for DO NOTHING
  bool do_update = false;
  List<Assignment> assignments;
  Expression* where = nullptr;  // may be null
};

struct Insert : StatementOf<StatementKind::kInsert> {
  using StatementOf::StatementOf;
  List<CommonTable> common_tables;
  bool recursive = false;
  QualifiedName table;
  Name alias;                         // may be empty
  List<Name> columns;                 // empty: all, in order
  Query* source = nullptr;            // null: DEFAULT VALUES
  OnConflict* on_conflict = nullptr;  // may be null
  List<SelectItem> returning;
};

struct Update : StatementOf<StatementKind::kUpdate> {
  using StatementOf::StatementOf;
  List<CommonTable> common_tables;
  bool recursive = false;
  QualifiedName table;
  Name alias;  // may be empty
  List<Assignment> assignments;
  List<TableReference*> from;
  Expression* where = nullptr;  // may be null
  List<SelectItem> returning;
};

struct Delete : StatementOf<StatementKind::kDelete> {
  using StatementOf::StatementOf;
  List<CommonTable> common_tables;
  bool recursive = false;
  QualifiedName table;
  Name alias;                   // may be empty
  List<TableReference*> from;   // USING
  Expression* where = nullptr;  // may be null
  List<SelectItem> returning;
};

struct Truncate : StatementOf<StatementKind::kTruncate> {
  using StatementOf::StatementOf;
  List<QualifiedName> tables;
};

enum class ReferentialAction : std::uint8_t { kNoAction, kRestrict, kCascade, kSetNull, kSetDefault };

enum class ConstraintKind : std::uint8_t { kNotNull, kNull, kPrimaryKey, kUnique, kDefault, kCheck, kForeignKey };

// Of a column or of a table; a column's own constraint has empty `columns`.
struct Constraint {
  ConstraintKind kind = ConstraintKind::kNotNull;
  Position position = 0;
  Name name;                         // CONSTRAINT name; may be empty
  List<Name> columns;                // PRIMARY KEY, UNIQUE, FOREIGN KEY of a table
  Expression* expression = nullptr;  // DEFAULT, CHECK
  QualifiedName referenced_table;    // FOREIGN KEY / REFERENCES
  List<Name> referenced_columns;     // may be empty: the primary key
  ReferentialAction on_delete = ReferentialAction::kNoAction;
  ReferentialAction on_update = ReferentialAction::kNoAction;
};

struct ColumnDefinition {
  Name name;
  TypeName type;
  List<Constraint> constraints;
};

struct CreateTable : StatementOf<StatementKind::kCreateTable> {
  using StatementOf::StatementOf;
  bool temporary = false;
  bool if_not_exists = false;
  QualifiedName name;
  List<ColumnDefinition> columns;
  List<Constraint> constraints;
};

struct IndexElement {
  Expression* expression = nullptr;  // a Column, or any expression written in parentheses
  Name operator_class;               // may be empty
  bool descending = false;
  NullsOrder nulls = NullsOrder::kUnspecified;
};

// WITH (name = value)
struct Option {
  Name name;
  Expression* value = nullptr;  // a Literal, possibly negated; a bare word is a string Literal
};

struct CreateIndex : StatementOf<StatementKind::kCreateIndex> {
  using StatementOf::StatementOf;
  bool unique = false;
  bool if_not_exists = false;
  Name name;  // may be empty: the catalog makes one up
  QualifiedName table;
  Name method;  // may be empty: btree
  List<IndexElement> elements;
  List<Option> options;
  Expression* where = nullptr;  // may be null
};

struct CreateView : StatementOf<StatementKind::kCreateView> {
  using StatementOf::StatementOf;
  bool temporary = false;
  bool or_replace = false;
  bool if_not_exists = false;
  QualifiedName name;
  List<Name> columns;  // may be empty
  Query* query = nullptr;
};

enum class DropKind : std::uint8_t { kTable, kIndex, kView };
enum class DropBehavior : std::uint8_t { kUnspecified, kRestrict, kCascade };

struct Drop : StatementOf<StatementKind::kDrop> {
  using StatementOf::StatementOf;
  DropKind object = DropKind::kTable;
  bool if_exists = false;
  List<QualifiedName> names;
  DropBehavior behavior = DropBehavior::kUnspecified;
};

enum class AlterTableKind : std::uint8_t { kRename, kRenameColumn, kAddColumn, kDropColumn };

struct AlterTable : StatementOf<StatementKind::kAlterTable> {
  using StatementOf::StatementOf;
  AlterTableKind action = AlterTableKind::kRename;
  bool if_exists = false;  // ALTER TABLE IF EXISTS
  QualifiedName table;
  Name column;                                         // RENAME COLUMN, DROP COLUMN
  Name new_name;                                       // RENAME TO, RENAME COLUMN
  ColumnDefinition definition;                         // ADD COLUMN
  bool column_condition = false;                       // ADD COLUMN IF NOT EXISTS, DROP COLUMN IF EXISTS
  DropBehavior behavior = DropBehavior::kUnspecified;  // DROP COLUMN
};

enum class TransactionKind : std::uint8_t { kBegin, kCommit, kRollback, kSavepoint, kRollbackTo, kRelease, kSetModes };
enum class IsolationLevel : std::uint8_t { kUnspecified, kReadUncommitted, kReadCommitted, kRepeatableRead, kSerializable };
enum class AccessMode : std::uint8_t { kUnspecified, kReadOnly, kReadWrite };

struct Transaction : StatementOf<StatementKind::kTransaction> {
  using StatementOf::StatementOf;
  TransactionKind action = TransactionKind::kBegin;
  IsolationLevel isolation = IsolationLevel::kUnspecified;
  AccessMode access = AccessMode::kUnspecified;
  Name savepoint;  // SAVEPOINT, ROLLBACK TO, RELEASE
};

// SET [LOCAL] name = value | TO value [, …] | DEFAULT, and RESET name | ALL
struct Set : StatementOf<StatementKind::kSet> {
  using StatementOf::StatementOf;
  bool local = false;        // until the transaction ends
  Name name;                 // dots included: hnsw.ef_search; "all" for all of them
  List<Expression*> values;  // as Option::value; empty: DEFAULT
};

// SHOW name | ALL
struct Show : StatementOf<StatementKind::kShow> {
  using StatementOf::StatementOf;
  Name name;
};

struct Explain : StatementOf<StatementKind::kExplain> {
  using StatementOf::StatementOf;
  bool analyze = false;
  Statement* statement = nullptr;
};

struct Checkpoint : StatementOf<StatementKind::kCheckpoint> {
  using StatementOf::StatementOf;
};

}  // namespace trefoil::ast

namespace trefoil::parser {

// One parsed statement with everything it refers to.
class ParsedStatement {
 public:
  ParsedStatement() = default;
  ParsedStatement(const ParsedStatement&) = delete;
  ParsedStatement& operator=(const ParsedStatement&) = delete;

  std::string_view text;                // our copy of the text as given
  ast::Statement* statement = nullptr;  // never null once parsed
  std::uint32_t literal_count = 0;      // ast::Literal::index is below this
  std::uint32_t parameter_count = 0;    // the highest number of a parameter

  Arena arena;
};

}  // namespace trefoil::parser
