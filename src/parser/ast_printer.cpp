// Syntax tree to text, one function per kind of node. Parentheses are decided by precedence alone: an operand is wrapped when its
// own outermost operator binds less tightly than its place demands.
#include "parser/ast_printer.hpp"

#include <charconv>

#include "parser/sql_expression_grammar.hpp"
#include "parser/sql_tokens.hpp"

namespace trefoil::parser {
namespace {

Precedence operatorPrecedence(ast::BinaryOperator op) {
  if (op == ast::BinaryOperator::kIsDistinctFrom || op == ast::BinaryOperator::kIsNotDistinctFrom) {
    return Precedence::kIs;
  }
  for (const OperatorInfo& info : kOperators) {
    if (!info.is_predicate && info.precedence != Precedence::kNone && info.op == op) {
      return info.precedence;
    }
  }
  return Precedence::kOther;
}

constexpr Precedence kOperand = static_cast<Precedence>(static_cast<int>(Precedence::kCast) + 1);

// How tightly an expression's outermost operator binds; kOperand if it has none.
Precedence precedenceOf(const ast::Expression& expression) {
  switch (expression.kind) {
    case ast::ExpressionKind::kUnary:
      return expression.as<ast::Unary>().op == ast::UnaryOperator::kNot ? Precedence::kNot : Precedence::kSign;
    case ast::ExpressionKind::kBinary:
      return operatorPrecedence(expression.as<ast::Binary>().op);
    case ast::ExpressionKind::kIsTest:
      return Precedence::kIs;
    case ast::ExpressionKind::kBetween:
    case ast::ExpressionKind::kInList:
    case ast::ExpressionKind::kInQuery:
    case ast::ExpressionKind::kLike:
      return Precedence::kPredicate;
    case ast::ExpressionKind::kCast:
      return Precedence::kCast;
    default:
      return kOperand;
  }
}

Precedence tighter(Precedence precedence) {
  return static_cast<Precedence>(static_cast<int>(precedence) + 1);
}

class Printer {
 public:
  explicit Printer(bool with_tables = true) : with_tables_(with_tables) {}
  std::string take() { return std::move(out_); }

  // ------------------------------------------------------------------------------------------------------------ expressions

  void print(const ast::Expression& expression) {
    switch (expression.kind) {
      case ast::ExpressionKind::kLiteral:
        return printLiteral(expression.as<ast::Literal>());
      case ast::ExpressionKind::kParameter:
        out_ += '$' + std::to_string(expression.as<ast::Parameter>().number);
        return;
      case ast::ExpressionKind::kColumn:
        return printDotted(with_tables_ ? expression.as<ast::Column>().table : ast::Name(), expression.as<ast::Column>().name);
      case ast::ExpressionKind::kStar:
        if (const ast::Name& table = expression.as<ast::Star>().table; !table.empty()) {
          print(table);
          out_ += '.';
        }
        out_ += '*';
        return;
      case ast::ExpressionKind::kDefault:
        out_ += "DEFAULT";
        return;
      case ast::ExpressionKind::kUnary:
        return printUnary(expression.as<ast::Unary>());
      case ast::ExpressionKind::kBinary:
        return printBinary(expression.as<ast::Binary>());
      case ast::ExpressionKind::kIsTest:
        return printIsTest(expression.as<ast::IsTest>());
      case ast::ExpressionKind::kBetween:
        return printBetween(expression.as<ast::Between>());
      case ast::ExpressionKind::kInList:
        return printInList(expression.as<ast::InList>());
      case ast::ExpressionKind::kInQuery:
        return printInQuery(expression.as<ast::InQuery>());
      case ast::ExpressionKind::kLike:
        return printLike(expression.as<ast::Like>());
      case ast::ExpressionKind::kExists:
        out_ += "EXISTS ";
        return printInParentheses(*expression.as<ast::Exists>().query);
      case ast::ExpressionKind::kSubquery:
        return printInParentheses(*expression.as<ast::Subquery>().query);
      case ast::ExpressionKind::kCase:
        return printCase(expression.as<ast::Case>());
      case ast::ExpressionKind::kCast:
        return printCast(expression.as<ast::Cast>());
      case ast::ExpressionKind::kCall:
        return printCall(expression.as<ast::Call>());
    }
  }

  void print(const ast::Name& name) { out_ += quoteIdentifier(name.text); }

  void print(const ast::TypeName& type) {
    std::string_view name = type.name.text;
    std::string_view suffix;
    if (name == "double precision" || name == "character varying") {
      out_ += name;
      name = {};
    } else if (name == "timestamp with time zone" || name == "time with time zone") {
      suffix = name.substr(name.find(' '));
      out_ += name.substr(0, name.find(' '));
      name = {};
    }
    if (!name.empty()) {
      printFunctionOrTypeName(name);
    }
    if (!type.modifiers.empty()) {
      out_ += '(';
      printList(type.modifiers, [this](std::int64_t modifier) { out_ += std::to_string(modifier); });
      out_ += ')';
    }
    out_ += suffix;
  }

  // ---------------------------------------------------------------------------------------------------------------- queries

  void print(const ast::Query& query) {
    printWith(query.common_tables, query.recursive);
    switch (query.kind) {
      case ast::QueryKind::kSelect:
        printSelect(query.as<ast::Select>());
        break;
      case ast::QueryKind::kSetOperation:
        printSetOperation(query.as<ast::SetOperation>());
        break;
      case ast::QueryKind::kValues:
        out_ += "VALUES ";
        printList(query.as<ast::Values>().rows, [this](const ast::List<ast::Expression*>& row) {
          out_ += '(';
          printExpressions(row);
          out_ += ')';
        });
        break;
    }
    if (!query.order_by.empty()) {
      out_ += " ORDER BY ";
      printList(query.order_by, [this](const ast::OrderItem& item) {
        print(*item.expression);
        printDirection(item.descending, item.nulls);
      });
    }
    if (query.limit != nullptr) {
      out_ += " LIMIT ";
      print(*query.limit);
    }
    if (query.offset != nullptr) {
      out_ += " OFFSET ";
      print(*query.offset);
    }
  }

  // ------------------------------------------------------------------------------------------------------------- statements

  void print(const ast::Statement& statement) {
    switch (statement.kind) {
      case ast::StatementKind::kQuery:
        return print(*statement.as<ast::QueryStatement>().query);
      case ast::StatementKind::kInsert:
        return printInsert(statement.as<ast::Insert>());
      case ast::StatementKind::kUpdate:
        return printUpdate(statement.as<ast::Update>());
      case ast::StatementKind::kDelete:
        return printDelete(statement.as<ast::Delete>());
      case ast::StatementKind::kTruncate:
        out_ += "TRUNCATE ";
        return printList(statement.as<ast::Truncate>().tables, [this](const ast::QualifiedName& name) { print(name); });
      case ast::StatementKind::kCreateTable:
        return printCreateTable(statement.as<ast::CreateTable>());
      case ast::StatementKind::kCreateIndex:
        return printCreateIndex(statement.as<ast::CreateIndex>());
      case ast::StatementKind::kCreateView:
        return printCreateView(statement.as<ast::CreateView>());
      case ast::StatementKind::kDrop:
        return printDrop(statement.as<ast::Drop>());
      case ast::StatementKind::kAlterTable:
        return printAlterTable(statement.as<ast::AlterTable>());
      case ast::StatementKind::kTransaction:
        return printTransaction(statement.as<ast::Transaction>());
      case ast::StatementKind::kSet:
        return printSet(statement.as<ast::Set>());
      case ast::StatementKind::kShow:
        out_ += "SHOW ";
        return printSettingName(statement.as<ast::Show>().name);
      case ast::StatementKind::kExplain:
        out_ += statement.as<ast::Explain>().analyze ? "EXPLAIN ANALYZE " : "EXPLAIN ";
        return print(*statement.as<ast::Explain>().statement);
      case ast::StatementKind::kCheckpoint:
        out_ += "CHECKPOINT";
        return;
    }
  }

  void print(const ast::ColumnDefinition& column) {
    print(column.name);
    out_ += ' ';
    print(column.type);
    for (const ast::Constraint& constraint : column.constraints) {
      out_ += ' ';
      print(constraint);
    }
  }

  void print(const ast::Constraint& constraint) {
    if (!constraint.name.empty()) {
      out_ += "CONSTRAINT ";
      print(constraint.name);
      out_ += ' ';
    }
    switch (constraint.kind) {
      case ast::ConstraintKind::kNotNull:
        out_ += "NOT NULL";
        return;
      case ast::ConstraintKind::kNull:
        out_ += "NULL";
        return;
      case ast::ConstraintKind::kPrimaryKey:
        out_ += "PRIMARY KEY";
        return printNames(constraint.columns);
      case ast::ConstraintKind::kUnique:
        out_ += "UNIQUE";
        return printNames(constraint.columns);
      case ast::ConstraintKind::kDefault:
        out_ += "DEFAULT ";
        return printOperand(*constraint.expression, Precedence::kOther);
      case ast::ConstraintKind::kCheck:
        out_ += "CHECK (";
        print(*constraint.expression);
        out_ += ')';
        return;
      case ast::ConstraintKind::kForeignKey:
        if (!constraint.columns.empty()) {
          out_ += "FOREIGN KEY";
          printNames(constraint.columns);
          out_ += ' ';
        }
        out_ += "REFERENCES ";
        print(constraint.referenced_table);
        printNames(constraint.referenced_columns);
        printAction(" ON DELETE ", constraint.on_delete);
        printAction(" ON UPDATE ", constraint.on_update);
        return;
    }
  }

 private:
  template <typename Items, typename PrintItem>
  void printList(const Items& items, PrintItem&& print_item) {
    bool first = true;
    for (const auto& item : items) {
      out_ += first ? "" : ", ";
      first = false;
      print_item(item);
    }
  }
  void printExpressions(const ast::List<ast::Expression*>& expressions) {
    printList(expressions, [this](const ast::Expression* expression) { print(*expression); });
  }
  // " (a, b)", or nothing.
  void printNames(const ast::List<ast::Name>& names) {
    if (!names.empty()) {
      out_ += " (";
      printList(names, [this](const ast::Name& name) { print(name); });
      out_ += ')';
    }
  }
  void print(const ast::QualifiedName& name) { printDotted(name.schema, name.name); }
  void printDotted(const ast::Name& qualifier, const ast::Name& name) {
    if (!qualifier.empty()) {
      print(qualifier);
      out_ += '.';
    }
    print(name);
  }
  // Keywords that may name functions and types need no quotes there, and with quotes they would not be built-in names.
  void printFunctionOrTypeName(std::string_view name) {
    const Keyword* keyword = findKeyword(name);
    if (keyword != nullptr && keyword->text == name && keyword->category == KeywordCategory::kFunctionName) {
      out_ += name;
    } else if (keyword != nullptr && keyword->category == KeywordCategory::kColumnName) {
      out_ += '"';
      out_ += name;
      out_ += '"';
    } else {
      out_ += quoteIdentifier(name);
    }
  }
  void printSettingName(const ast::Name& name) {
    if (name.text == "all") {
      out_ += "ALL";
      return;
    }
    std::string_view rest = name.text;
    if (rest.starts_with('.') || rest.ends_with('.') || rest.find("..") != std::string_view::npos) {
      out_ += quoteIdentifier(rest);  // the dots were inside quotes: no part of a name is empty
      return;
    }
    for (std::size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
      out_ += quoteIdentifier(rest.substr(0, dot));
      out_ += '.';
      rest.remove_prefix(dot + 1);
    }
    out_ += quoteIdentifier(rest);
  }

  // `operand` where an expression must bind at least as tightly as `least`.
  void printOperand(const ast::Expression& operand, Precedence least) {
    const bool wrapped = precedenceOf(operand) < least;
    out_ += wrapped ? "(" : "";
    print(operand);
    out_ += wrapped ? ")" : "";
  }
  void printInParentheses(const ast::Query& query) {
    out_ += '(';
    print(query);
    out_ += ')';
  }

  void printLiteral(const ast::Literal& literal) {
    switch (literal.literal_kind) {
      case ast::LiteralKind::kNull:
        out_ += "NULL";
        return;
      case ast::LiteralKind::kBoolean:
        out_ += literal.integer != 0 ? "TRUE" : "FALSE";
        return;
      case ast::LiteralKind::kInteger:
        out_ += std::to_string(literal.integer);
        return;
      case ast::LiteralKind::kDecimal:
        out_ += literal.text;
        return;
      case ast::LiteralKind::kString:
        out_ += quoteLiteral(literal.text);
        return;
      case ast::LiteralKind::kBlob:
        out_ += "x'";
        for (const char c : literal.text) {
          constexpr char kDigits[] = "0123456789abcdef";
          out_ += kDigits[static_cast<std::uint8_t>(c) >> 4];
          out_ += kDigits[static_cast<std::uint8_t>(c) & 15];
        }
        out_ += '\'';
        return;
      case ast::LiteralKind::kVector:
        out_ += '[';
        printList(literal.floats, [this](float value) {
          char buffer[32];
          const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);  // the shortest that reads back
          out_.append(buffer, end);
        });
        out_ += ']';
        return;
    }
  }

  void printUnary(const ast::Unary& unary) {
    if (unary.op == ast::UnaryOperator::kNot) {
      out_ += "NOT ";
      return printOperand(*unary.operand, Precedence::kNot);
    }
    out_ += unary.op == ast::UnaryOperator::kNegate ? "-" : "+";
    if (unary.operand->is<ast::Unary>()) {
      out_ += ' ';  // -- would begin a comment
    }
    printOperand(*unary.operand, Precedence::kSign);
  }

  void printBinary(const ast::Binary& binary) {
    const Precedence own = operatorPrecedence(binary.op);
    // AND and OR are associative and arrive balanced: both sides print without parentheses.
    const bool chain = binary.op == ast::BinaryOperator::kAnd || binary.op == ast::BinaryOperator::kOr;
    const bool chains_left = own != Precedence::kComparison && own != Precedence::kIs;  // IS DISTINCT FROM
    printOperand(*binary.left, chains_left ? own : tighter(own));
    out_ += ' ';
    out_ += ast::operatorText(binary.op);
    out_ += ' ';
    printOperand(*binary.right, chain ? own : tighter(own));
  }

  void printIsTest(const ast::IsTest& test) {
    constexpr std::string_view kTests[] = {"NULL", "TRUE", "FALSE", "UNKNOWN"};
    printOperand(*test.operand, test.operand->is<ast::Binary>() ? Precedence::kComparison : Precedence::kIs);
    out_ += test.negated ? " IS NOT " : " IS ";
    out_ += kTests[static_cast<int>(test.test)];
  }
  void printNot(bool negated) { out_ += negated ? " NOT " : " "; }
  // a IN (1) LIKE b chains to the left, as nothing follows the list that could belong to it.
  void printPredicateOperand(const ast::Expression& operand) {
    const bool in = operand.is<ast::InList>() || operand.is<ast::InQuery>();
    printOperand(operand, in ? Precedence::kPredicate : Precedence::kOther);
  }
  void printBetween(const ast::Between& between) {
    printPredicateOperand(*between.operand);
    printNot(between.negated);
    out_ += "BETWEEN ";
    printOperand(*between.low, Precedence::kOther);
    out_ += " AND ";
    printOperand(*between.high, Precedence::kOther);
  }
  void printInList(const ast::InList& in) {
    printPredicateOperand(*in.operand);
    printNot(in.negated);
    out_ += "IN (";
    printExpressions(in.items);
    out_ += ')';
  }
  void printInQuery(const ast::InQuery& in) {
    printPredicateOperand(*in.operand);
    printNot(in.negated);
    out_ += "IN ";
    printInParentheses(*in.query);
  }
  void printLike(const ast::Like& like) {
    printPredicateOperand(*like.operand);
    printNot(like.negated);
    out_ += like.case_insensitive ? "ILIKE " : "LIKE ";
    printOperand(*like.pattern, Precedence::kOther);
    if (like.escape != nullptr) {
      out_ += " ESCAPE ";
      printOperand(*like.escape, Precedence::kOther);
    }
  }

  void printCase(const ast::Case& expression) {
    out_ += "CASE";
    if (expression.operand != nullptr) {
      out_ += ' ';
      print(*expression.operand);
    }
    for (const ast::CaseBranch& branch : expression.branches) {
      out_ += " WHEN ";
      print(*branch.condition);
      out_ += " THEN ";
      print(*branch.result);
    }
    if (expression.otherwise != nullptr) {
      out_ += " ELSE ";
      print(*expression.otherwise);
    }
    out_ += " END";
  }
  // A chain of casts must not nest, or it would be deeper than what was written.
  void printCast(const ast::Cast& cast) {
    printOperand(*cast.operand, Precedence::kCast);
    out_ += "::";
    print(cast.type);
  }
  void printCall(const ast::Call& call) {
    const Keyword* keyword = findKeyword(call.name.text);
    if (keyword != nullptr && keyword->category == KeywordCategory::kReserved && call.arguments.empty() &&
        (call.name.text.substr(0, 8) == "current_" || call.name.text == "localtimestamp")) {
      out_ += tokenSpelling(keyword->kind);  // CURRENT_TIMESTAMP takes no parentheses
      return;
    }
    printFunctionOrTypeName(call.name.text);
    out_ += call.distinct ? "(DISTINCT " : "(";
    printExpressions(call.arguments);
    out_ += ')';
    if (call.filter != nullptr) {
      out_ += " FILTER (WHERE ";
      print(*call.filter);
      out_ += ')';
    }
  }

  void printWith(const ast::List<ast::CommonTable>& tables, bool recursive) {
    if (tables.empty()) {
      return;
    }
    out_ += recursive ? "WITH RECURSIVE " : "WITH ";
    printList(tables, [this](const ast::CommonTable& table) {
      print(table.name);
      printNames(table.columns);
      constexpr const char* kAs[] = {" AS ", " AS MATERIALIZED ", " AS NOT MATERIALIZED "};
      out_ += kAs[static_cast<std::size_t>(table.materialized)];
      printInParentheses(*table.query);
    });
    out_ += ' ';
  }
  void printItems(const ast::List<ast::SelectItem>& items) {
    printList(items, [this](const ast::SelectItem& item) {
      print(*item.expression);
      if (!item.alias.empty()) {
        out_ += " AS ";
        print(item.alias);
      }
    });
  }
  void printTables(std::string_view word, const ast::List<ast::TableReference*>& tables) {
    if (!tables.empty()) {
      out_ += word;
      printList(tables, [this](const ast::TableReference* table) { print(*table); });
    }
  }
  void printClause(std::string_view word, const ast::Expression* expression) {
    if (expression != nullptr) {
      out_ += word;
      print(*expression);
    }
  }
  void printDirection(bool descending, ast::NullsOrder nulls) {
    out_ += descending ? " DESC" : "";
    if (nulls != ast::NullsOrder::kUnspecified) {
      out_ += nulls == ast::NullsOrder::kFirst ? " NULLS FIRST" : " NULLS LAST";
    }
  }

  void printSelect(const ast::Select& select) {
    out_ += select.distinct ? "SELECT DISTINCT " : "SELECT ";
    printItems(select.items);
    printTables(" FROM ", select.from);
    printClause(" WHERE ", select.where);
    if (!select.group_by.empty()) {
      out_ += " GROUP BY ";
      printExpressions(select.group_by);
    }
    printClause(" HAVING ", select.having);
  }

  // Whether an operand of a set operation must be in parentheses: because of its own clauses, or as it binds less tightly.
  static bool needsParentheses(const ast::Query& operand, ast::SetOperator outer, bool right) {
    if (!operand.order_by.empty() || operand.limit != nullptr || operand.offset != nullptr || !operand.common_tables.empty()) {
      return true;
    }
    if (!operand.is<ast::SetOperation>()) {
      return false;
    }
    const bool inner_tight = operand.as<ast::SetOperation>().op == ast::SetOperator::kIntersect;
    const bool outer_tight = outer == ast::SetOperator::kIntersect;
    return right ? !inner_tight || outer_tight : outer_tight && !inner_tight;
  }
  void printSetOperand(const ast::Query& operand, ast::SetOperator outer, bool right) {
    if (needsParentheses(operand, outer, right)) {
      printInParentheses(operand);
    } else {
      print(operand);
    }
  }
  void printSetOperation(const ast::SetOperation& operation) {
    constexpr std::string_view kWords[] = {" UNION ", " INTERSECT ", " EXCEPT "};
    printSetOperand(*operation.left, operation.op, false);
    out_ += kWords[static_cast<int>(operation.op)];
    out_ += operation.all ? "ALL " : "";
    printSetOperand(*operation.right, operation.op, true);
  }

  void print(const ast::TableReference& table) {
    switch (table.kind) {
      case ast::TableReferenceKind::kTable:
        print(table.as<ast::NamedTable>().name);
        break;
      case ast::TableReferenceKind::kSubquery:
        printInParentheses(*table.as<ast::SubqueryTable>().query);
        break;
      case ast::TableReferenceKind::kFunction:
        printCall(*table.as<ast::FunctionTable>().call);
        break;
      case ast::TableReferenceKind::kJoin:
        return printJoin(table.as<ast::Join>());
    }
    if (!table.alias.empty()) {
      out_ += " AS ";
      print(table.alias);
      printNames(table.column_aliases);
    }
  }
  void printJoin(const ast::Join& join) {
    constexpr std::string_view kWords[] = {"JOIN ", "LEFT JOIN ", "RIGHT JOIN ", "FULL JOIN ", "CROSS JOIN "};
    print(*join.left);
    out_ += join.natural ? " NATURAL " : " ";
    out_ += kWords[static_cast<int>(join.type)];
    const bool wrapped = join.right->is<ast::Join>();
    out_ += wrapped ? "(" : "";
    print(*join.right);
    out_ += wrapped ? ")" : "";
    printClause(" ON ", join.condition);
    if (!join.using_columns.empty()) {
      out_ += " USING";
      printNames(join.using_columns);
    }
  }

  void printAssignments(const ast::List<ast::Assignment>& assignments) {
    printList(assignments, [this](const ast::Assignment& assignment) {
      print(assignment.column);
      out_ += " = ";
      print(*assignment.value);
    });
  }
  void printReturning(const ast::List<ast::SelectItem>& items) {
    if (!items.empty()) {
      out_ += " RETURNING ";
      printItems(items);
    }
  }
  void printAlias(const ast::Name& alias) {
    if (!alias.empty()) {
      out_ += " AS ";
      print(alias);
    }
  }

  void printInsert(const ast::Insert& insert) {
    printWith(insert.common_tables, insert.recursive);
    out_ += "INSERT INTO ";
    print(insert.table);
    printAlias(insert.alias);
    printNames(insert.columns);
    out_ += ' ';
    if (insert.source == nullptr) {
      out_ += "DEFAULT VALUES";
    } else {
      print(*insert.source);
    }
    if (const ast::OnConflict* conflict = insert.on_conflict; conflict != nullptr) {
      out_ += " ON CONFLICT";
      printNames(conflict->columns);
      if (conflict->do_update) {
        out_ += " DO UPDATE SET ";
        printAssignments(conflict->assignments);
        printClause(" WHERE ", conflict->where);
      } else {
        out_ += " DO NOTHING";
      }
    }
    printReturning(insert.returning);
  }
  void printUpdate(const ast::Update& update) {
    printWith(update.common_tables, update.recursive);
    out_ += "UPDATE ";
    print(update.table);
    printAlias(update.alias);
    out_ += " SET ";
    printAssignments(update.assignments);
    printTables(" FROM ", update.from);
    printClause(" WHERE ", update.where);
    printReturning(update.returning);
  }
  void printDelete(const ast::Delete& statement) {
    printWith(statement.common_tables, statement.recursive);
    out_ += "DELETE FROM ";
    print(statement.table);
    printAlias(statement.alias);
    printTables(" USING ", statement.from);
    printClause(" WHERE ", statement.where);
    printReturning(statement.returning);
  }

  void printAction(std::string_view word, ast::ReferentialAction action) {
    constexpr std::string_view kActions[] = {"NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"};
    if (action != ast::ReferentialAction::kNoAction) {
      out_ += word;
      out_ += kActions[static_cast<int>(action)];
    }
  }
  void printCreateTable(const ast::CreateTable& table) {
    out_ += table.temporary ? "CREATE TEMPORARY TABLE " : "CREATE TABLE ";
    out_ += table.if_not_exists ? "IF NOT EXISTS " : "";
    print(table.name);
    out_ += " (";
    printList(table.columns, [this](const ast::ColumnDefinition& column) { print(column); });
    out_ += table.columns.empty() || table.constraints.empty() ? "" : ", ";
    printList(table.constraints, [this](const ast::Constraint& constraint) { print(constraint); });
    out_ += ')';
  }
  void printCreateIndex(const ast::CreateIndex& index) {
    out_ += index.unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ";
    out_ += index.if_not_exists ? "IF NOT EXISTS " : "";
    if (!index.name.empty()) {
      print(index.name);
      out_ += ' ';
    }
    out_ += "ON ";
    print(index.table);
    if (!index.method.empty()) {
      out_ += " USING ";
      print(index.method);
    }
    out_ += " (";
    printList(index.elements, [this](const ast::IndexElement& element) {
      const bool plain = element.expression->is<ast::Column>() && element.expression->as<ast::Column>().table.empty();
      out_ += plain ? "" : "(";
      print(*element.expression);
      out_ += plain ? "" : ")";
      if (!element.operator_class.empty()) {
        out_ += ' ';
        print(element.operator_class);
      }
      printDirection(element.descending, element.nulls);
    });
    out_ += ')';
    if (!index.options.empty()) {
      out_ += " WITH (";
      printList(index.options, [this](const ast::Option& option) {
        print(option.name);
        out_ += " = ";
        print(*option.value);
      });
      out_ += ')';
    }
    printClause(" WHERE ", index.where);
  }
  void printCreateView(const ast::CreateView& view) {
    out_ += "CREATE ";
    out_ += view.or_replace ? "OR REPLACE " : "";
    out_ += view.temporary ? "TEMPORARY " : "";
    out_ += view.if_not_exists ? "VIEW IF NOT EXISTS " : "VIEW ";
    print(view.name);
    printNames(view.columns);
    out_ += " AS ";
    print(*view.query);
  }
  void printBehavior(ast::DropBehavior behavior) {
    constexpr std::string_view kWords[] = {"", " RESTRICT", " CASCADE"};
    out_ += kWords[static_cast<int>(behavior)];
  }
  void printDrop(const ast::Drop& drop) {
    constexpr std::string_view kWords[] = {"DROP TABLE ", "DROP INDEX ", "DROP VIEW "};
    out_ += kWords[static_cast<int>(drop.object)];
    out_ += drop.if_exists ? "IF EXISTS " : "";
    printList(drop.names, [this](const ast::QualifiedName& name) { print(name); });
    printBehavior(drop.behavior);
  }
  void printAlterTable(const ast::AlterTable& alter) {
    out_ += alter.if_exists ? "ALTER TABLE IF EXISTS " : "ALTER TABLE ";
    print(alter.table);
    switch (alter.action) {
      case ast::AlterTableKind::kRename:
        out_ += " RENAME TO ";
        return print(alter.new_name);
      case ast::AlterTableKind::kRenameColumn:
        out_ += " RENAME COLUMN ";
        print(alter.column);
        out_ += " TO ";
        return print(alter.new_name);
      case ast::AlterTableKind::kAddColumn:
        out_ += alter.column_condition ? " ADD COLUMN IF NOT EXISTS " : " ADD COLUMN ";
        return print(alter.definition);
      case ast::AlterTableKind::kDropColumn:
        out_ += alter.column_condition ? " DROP COLUMN IF EXISTS " : " DROP COLUMN ";
        print(alter.column);
        return printBehavior(alter.behavior);
    }
  }

  void printTransaction(const ast::Transaction& transaction) {
    constexpr std::string_view kWords[] = {
        "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT ", "ROLLBACK TO SAVEPOINT ", "RELEASE SAVEPOINT ", "SET TRANSACTION"};
    constexpr std::string_view kLevels[] = {"", " ISOLATION LEVEL READ UNCOMMITTED", " ISOLATION LEVEL READ COMMITTED",
                                            " ISOLATION LEVEL REPEATABLE READ", " ISOLATION LEVEL SERIALIZABLE"};
    constexpr std::string_view kModes[] = {"", " READ ONLY", " READ WRITE"};
    out_ += kWords[static_cast<int>(transaction.action)];
    if (!transaction.savepoint.empty()) {
      print(transaction.savepoint);
    }
    out_ += kLevels[static_cast<int>(transaction.isolation)];
    out_ += kModes[static_cast<int>(transaction.access)];
  }
  void printSet(const ast::Set& set) {
    if (set.values.empty() && set.name.text == "all") {
      out_ += "RESET ALL";
      return;
    }
    out_ += set.local ? "SET LOCAL " : "SET ";
    printSettingName(set.name);
    out_ += " = ";
    if (set.values.empty()) {
      out_ += "DEFAULT";
    } else {
      printExpressions(set.values);
    }
  }

  std::string out_;
  bool with_tables_;  // before the names of columns
};

template <typename Node>
std::string printed(const Node& node) {
  Printer printer;
  printer.print(node);
  return printer.take();
}

}  // namespace

std::string toSql(const ast::Statement& statement) {
  return printed(statement);
}
std::string toSql(const ast::Query& query) {
  return printed(query);
}
std::string toSql(const ast::Expression& expression) {
  return printed(expression);
}
std::string toSqlOfOneTable(const ast::Expression& expression) {
  Printer printer(false);
  printer.print(expression);
  return printer.take();
}
std::string toSql(const ast::TypeName& type) {
  return printed(type);
}
std::string toSql(const ast::ColumnDefinition& column) {
  return printed(column);
}
std::string toSql(const ast::Constraint& constraint) {
  return printed(constraint);
}

std::string quoteIdentifier(std::string_view name) {
  bool plain = !name.empty() && isOfClass(name.front(), kIdentifierFirstClass);
  for (const char c : name) {
    plain = plain && isOfClass(c, kIdentifierRestClass) && !(c >= 'A' && c <= 'Z');
  }
  if (plain) {
    const Keyword* keyword = findKeyword(name);
    if (keyword == nullptr || keyword->category == KeywordCategory::kUnreserved) {
      return std::string(name);
    }
  }
  std::string quoted = "\"";
  for (const char c : name) {
    quoted += c;
    if (c == '"') {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string quoteLiteral(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c;
    if (c == '\'') {
      quoted += c;
    }
  }
  return quoted + '\'';
}

}  // namespace trefoil::parser
