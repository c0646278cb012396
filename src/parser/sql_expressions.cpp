// Expressions: the precedence-climbing loop between operands (rules::primary) and operators (kOperators).
//
// Chains of AND and OR are gathered and built as a balanced tree: programs write them by the thousand, and a tree that leans to
// one side would be as high as the chain is long.
#include "parser/sql_expression_actions.hpp"
#include "parser/sql_messages.hpp"

namespace trefoil::parser {
namespace {

TokenKind kindAt(const TokenInput& in, std::size_t ahead = 0) {
  return in.size() > ahead ? static_cast<TokenKind>(in.peek_uint8(ahead)) : TokenKind::kCount;
}

Precedence above(Precedence precedence) {
  return static_cast<Precedence>(static_cast<int>(precedence) + 1);
}

template <typename Rule>
bool matchRule(TokenInput& in, State& state) {
  return SqlControl<Rule>::template match<pegtl::apply_mode::action, pegtl::rewind_mode::dontcare, ExpressionAction, SqlControl>(
      in, state);
}

// t.* stands for columns, not for a value.
void refuseStar(const State& state) {
  if (state.expression->is<ast::Star>()) {
    failAt(state.expression->position, ErrorCode::kSyntax, "t.* is possible only as an item of a select list");
  }
}

class ExpressionParser {
 public:
  ExpressionParser(TokenInput& in, State& state) : in_(in), state_(state) {}

  // An expression whose operators outside parentheses all bind at least as tightly as `least`. False if none begins here.
  // Recursion through right operands ends at the tightest precedence; all other recursion has a DepthGuard.
  bool parse(Precedence least) {
    if (!parseOperand()) {
      return false;
    }
    // After an operator that does not associate: the precedence that may not come again.
    Precedence exhausted = Precedence::kNone;
    for (;;) {
      const std::size_t negation = kindAt(in_) == TokenKind::kNot ? 1 : 0;
      const TokenKind kind = kindAt(in_, negation);
      if (kind == TokenKind::kCount) {
        return true;
      }
      const OperatorInfo& info = kOperators[static_cast<std::size_t>(kind)];
      if (info.precedence == Precedence::kNone || info.precedence < least ||
          (negation != 0 && info.precedence != Precedence::kPredicate)) {
        return true;
      }
      if (info.precedence == exhausted) {
        raiseExpected(in_, state_, "This operator does not chain: put parentheses around one of the comparisons.", nullptr);
      }
      refuseStar(state_);
      if (info.is_predicate) {
        parsePredicate(negation != 0);
        const bool distinct = kind == TokenKind::kIs && state_.expression->is<ast::Binary>();
        const bool open_ended = kind == TokenKind::kBetween || kind == TokenKind::kLike || kind == TokenKind::kIlike || distinct;
        exhausted = open_ended ? info.precedence : Precedence::kNone;
      } else if (info.precedence == Precedence::kAnd || info.precedence == Precedence::kOr) {
        parseChain(kind, info);
      } else {
        parseBinary(info);
        exhausted = info.precedence == Precedence::kComparison ? info.precedence : Precedence::kNone;
      }
    }
  }

 private:
  bool parseOperand() {
    switch (kindAt(in_)) {
      case TokenKind::kNot:
        parseUnary(ast::UnaryOperator::kNot, Precedence::kNot);
        return true;
      case TokenKind::kMinus:
        parseUnary(ast::UnaryOperator::kNegate, Precedence::kSign);
        return true;
      case TokenKind::kPlus:
        parseUnary(ast::UnaryOperator::kPlus, Precedence::kSign);
        return true;
      default:
        return matchRule<rules::primary>(in_, state_);
    }
  }

  void parseUnary(ast::UnaryOperator op, Precedence precedence) {
    const DepthGuard guard(state_, in_);
    auto* unary = state_.arena.make<ast::Unary>(state_.positionOf(in_.current()));
    in_.bump();
    requireOperand(precedence);
    unary->op = op;
    unary->operand = state_.expression;
    state_.grow(unary, unary->operand);
    state_.expression = unary;
  }

  void parseBinary(const OperatorInfo& info) {
    auto* binary = state_.arena.make<ast::Binary>(state_.positionOf(in_.current()));
    in_.bump();
    binary->op = info.op;
    binary->left = state_.expression;
    requireOperand(above(info.precedence));
    binary->right = state_.expression;
    state_.grow(binary, binary->left);
    state_.grow(binary, binary->right);
    state_.expression = binary;
  }

  void parsePredicate(bool negated) {
    state_.operand = state_.expression;
    state_.negated = negated;
    if (negated) {
      in_.bump();
    }
    const bool matched = matchRule<rules::predicate>(in_, state_);
    TREFOIL_ASSERT(matched);  // the table sent us here because one of them begins so
    state_.negated = false;
  }

  struct Link {
    ast::Expression* operand;
    ast::Position position;  // of the operator before it
  };

  void parseChain(TokenKind kind, const OperatorInfo& info) {
    std::vector<Link> links{{state_.expression, 0}};
    while (kindAt(in_) == kind) {
      const ast::Position position = state_.positionOf(in_.current());
      in_.bump();
      requireOperand(above(info.precedence));
      links.push_back({state_.expression, position});
    }
    state_.expression = buildBalanced(links, info.op);
  }

  ast::Expression* buildBalanced(std::span<const Link> links, ast::BinaryOperator op) {
    if (links.size() == 1) {
      return links[0].operand;
    }
    const std::size_t middle = (links.size() + 1) / 2;
    auto* binary = state_.arena.make<ast::Binary>(links[middle].position);
    binary->op = op;
    binary->left = buildBalanced(links.subspan(0, middle), op);
    binary->right = buildBalanced(links.subspan(middle), op);
    state_.grow(binary, binary->left);
    state_.grow(binary, binary->right);
    return binary;
  }

  void requireOperand(Precedence least) {
    if (!parse(least)) {
      raiseExpected(in_, state_, rules::kErrorMessage<rules::expression>, nullptr);
    }
    refuseStar(state_);
  }

  TokenInput& in_;
  State& state_;
};

}  // namespace

bool matchItemExpression(TokenInput& in, State& state) {
  const DepthGuard guard(state, in);
  return ExpressionParser(in, state).parse(Precedence::kOr);
}

bool matchExpression(TokenInput& in, State& state) {
  if (!matchItemExpression(in, state)) {
    return false;
  }
  refuseStar(state);
  return true;
}

bool matchCall(TokenInput& in, State& state) {
  return matchRule<rules::call>(in, state);
}

bool matchRestrictedExpression(TokenInput& in, State& state) {
  const DepthGuard guard(state, in);
  if (!ExpressionParser(in, state).parse(Precedence::kOther)) {
    return false;
  }
  refuseStar(state);
  return true;
}

bool matchDistinctOperand(TokenInput& in, State& state) {
  const DepthGuard guard(state, in);
  if (!ExpressionParser(in, state).parse(Precedence::kComparison)) {
    return false;
  }
  refuseStar(state);
  return true;
}

bool isBareSubquery(TokenInput& /*in*/, State& state) {
  if (!state.expression->is<ast::Subquery>()) {
    return false;
  }
  state.query = state.expression->as<ast::Subquery>().query;
  return true;
}

ast::Literal* makeLiteral(State& state, const char* current) {
  const Token& token = state.tokenAt(current);
  const std::string_view spelling = state.spelling(token);
  auto* literal = state.arena.make<ast::Literal>(token.begin);
  literal->index = token.number;
  LiteralError error;
  switch (static_cast<TokenKind>(*current)) {
    case TokenKind::kInteger:
      if (const auto value = decodeInteger(spelling)) {
        literal->literal_kind = ast::LiteralKind::kInteger;
        literal->integer = *value;
        break;
      }
      [[fallthrough]];
    case TokenKind::kDecimal:
      literal->literal_kind = ast::LiteralKind::kDecimal;
      literal->text = spelling;
      break;
    case TokenKind::kString:
      literal->literal_kind = ast::LiteralKind::kString;
      error = decodeString(spelling, state.arena, literal->text);
      break;
    case TokenKind::kBlob:
      literal->literal_kind = ast::LiteralKind::kBlob;
      error = decodeBlob(spelling, state.arena, literal->text);
      break;
    default:
      TREFOIL_ASSERT(static_cast<TokenKind>(*current) == TokenKind::kVector);
      literal->literal_kind = ast::LiteralKind::kVector;
      error = decodeVector(spelling, state.arena, literal->floats);
      break;
  }
  if (!error.ok()) {
    failAt(static_cast<ast::Position>(token.begin + error.offset), ErrorCode::kInvalidText, error.message);
  }
  return literal;
}

}  // namespace trefoil::parser
