#include "sql/plan/plan.hpp"

#include "sql/plan/parts.hpp"
#include "sql/plan/planner.hpp"
#include "sql/plan/scan_nodes.hpp"

namespace trefoil::sql {

Plan::Plan(std::unique_ptr<PlanParts> parts) : parts_(std::move(parts)) {}
Plan::~Plan() = default;

const NewIndex* Plan::createsIndex() const {
  return parts_->create_index ? &*parts_->create_index : nullptr;
}

namespace {

std::string describeParts(const PlanParts& parts) {
  std::string out;
  if (parts.query != nullptr) {
    describePlan(*parts.query, 0, out);
  } else if (parts.insert != nullptr) {
    out += "Insert on " + parts.insert->schema->name + "\n";
    describePlan(*parts.insert->source, 1, out);
  } else if (parts.change != nullptr) {
    out += (parts.change->remove ? "Delete on " : "Update on ") + parts.change->schema->name + "\n";
    describePlan(*parts.change->source, 1, out);
  } else {
    out += "Utility Statement\n";
  }
  return out;
}

}  // namespace

std::string Plan::describe() const {
  return describeParts(*parts_);
}

bool Plan::takesLiterals(std::span<const Datum> literals) const {
  for (std::size_t i = 0; i < literals.size(); ++i) {
    if (!literalIsParameter(i) || literals[i].type() != Type::kInteger) {
      continue;
    }
    const std::int64_t value = literals[i].asInteger();
    const SqlType& type = parameter_types_[statement_parameters_ + i];
    if ((value == static_cast<std::int32_t>(value)) != type.is(TypeId::kInteger)) {
      return false;
    }
  }
  return true;
}

bool Plan::isIndexSearch(std::span<const Datum> literals) const {
  constexpr std::int64_t kFew = 1000;
  const auto is_few = [&](const ExpressionPtr& count) {
    if (count == nullptr) {
      return true;
    }
    if (count->kind == ExpressionKind::kConstant) {
      return count->constant.view().type() == Type::kInteger && count->constant.view().asInteger() <= kFew;
    }
    if (count->kind != ExpressionKind::kParameter) {
      return false;
    }
    const std::size_t literal = count->index - statement_parameters_;
    return count->index < statement_parameters_ ||
           (literal < literals.size() && literals[literal].type() == Type::kInteger && literals[literal].asInteger() <= kFew);
  };
  const KnnNode* search = parts_->index_search;
  return search != nullptr && is_few(search->limit) && is_few(search->offset);
}

}  // namespace trefoil::sql
