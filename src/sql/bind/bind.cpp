#include "sql/bind/bind.hpp"

#include <algorithm>

#include "parser/ast.hpp"
#include "sql/bind/statements.hpp"
#include "sql/plan/parts.hpp"
#include "sql/plan/planner.hpp"
#include "sql/plan/scan_nodes.hpp"
#include "sql/storage/view.hpp"

namespace trefoil::sql {

// Fills a Plan from what the Binder found.
class PlanBuilder {
 public:
  PlanBuilder(const parser::ParsedStatement& statement, const BindContext& context)
      : statement_(statement),
        context_(context),
        binder_(statement, context),
        plan_(std::make_shared<Plan>(std::make_unique<PlanParts>())),
        parts_(*plan_->parts_) {}

  Result<std::shared_ptr<const Plan>> build() {
    TREFOIL_TRY(bindStatement(*statement_.statement));
    binder_.settleParameters();
    Plan& plan = *plan_;
    plan.tables_ = binder_.tables();
    plan.table_functions_ = binder_.usesTableFunctions();
    plan.sources_ = binder_.sources();
    plan.parameter_types_ = binder_.parameterTypes();
    plan.statement_parameters_ = statement_.parameter_count;
    plan.literal_is_parameter_ = binder_.literalIsParameter();
    plan.catalog_version_ = context_.view.catalogVersion();
    parts_.outer_slots = binder_.outerSlots();
    parts_.common_tables = binder_.commonTables();
    findPointPlan();
    return std::shared_ptr<const Plan>(plan_);
  }

 private:
  Status bindStatement(const ast::Statement& statement) {
    Plan& plan = *plan_;
    switch (statement.kind) {
      case ast::StatementKind::kQuery: {
        Frame frame;
        TREFOIL_ASSIGN(BoundQuery query, binder_.bindQuery(*statement.as<ast::QueryStatement>().query, frame, nullptr));
        finishPlan(*query.root);
        parts_.query = std::move(query.root);
        plan.columns_ = std::move(query.columns);
        plan.kind_ = PlanKind::kQuery;
        plan.tag_ = "SELECT";
        return {};
      }
      case ast::StatementKind::kInsert:
        plan.kind_ = PlanKind::kDml;
        plan.tag_ = "INSERT";
        return bindInsert(binder_, statement.as<ast::Insert>(), parts_, plan.columns_);
      case ast::StatementKind::kUpdate:
        plan.kind_ = PlanKind::kDml;
        plan.tag_ = "UPDATE";
        return bindUpdate(binder_, statement.as<ast::Update>(), parts_, plan.columns_);
      case ast::StatementKind::kDelete:
        plan.kind_ = PlanKind::kDml;
        plan.tag_ = "DELETE";
        return bindDelete(binder_, statement.as<ast::Delete>(), parts_, plan.columns_);
      case ast::StatementKind::kExplain:
        return bindExplain(statement.as<ast::Explain>());
      default:
        plan.kind_ = PlanKind::kDdl;
        return bindSchemaChange(binder_, statement, parts_, plan.tag_);
    }
  }

  Status bindExplain(const ast::Explain& explain) {
    Plan& plan = *plan_;
    const ast::StatementKind kind = explain.statement->kind;
    if (kind != ast::StatementKind::kQuery && kind != ast::StatementKind::kInsert && kind != ast::StatementKind::kUpdate &&
        kind != ast::StatementKind::kDelete) {
      return Error(ErrorCode::kSyntax, "EXPLAIN takes a query, INSERT, UPDATE or DELETE").at(explain.statement->position);
    }
    TREFOIL_TRY(bindStatement(*explain.statement));
    if (parts_.query != nullptr) {
      askVectorIndexes(*parts_.query);
    }
    const std::string text = plan.describe();
    for (std::size_t from = 0; from < text.size();) {
      const std::size_t end = text.find('\n', from);
      parts_.explain.push_back(text.substr(from, end - from));
      from = end + 1;
    }
    parts_.analyze = explain.analyze;
    if (!explain.analyze) {
      plan.kind_ = PlanKind::kQuery;
    }
    plan.tag_ = "EXPLAIN";
    plan.columns_ = {{"QUERY PLAN", SqlType::text()}};
    return {};
  }

  void askVectorIndexes(PlanNode& node) {
    if (auto* knn = dynamic_cast<KnnNode*>(&node); knn != nullptr && knn->index) {
      knn->index_is_ready = context_.view.vectorIndexIsReady(knn->schema->id, *knn->index);
    }
    for (const PlanNodePtr& child : node.children) {
      askVectorIndexes(*child);
    }
  }

  // Whether the plan is project* over one row by its key, and nothing else can run in it.
  static bool isPoint(const PlanNode& node) {
    if (const auto* scan = dynamic_cast<const ScanNode*>(&node)) {
      return scan->access == AccessPath::kUnique && (scan->filter == nullptr || !hasSubquery(*scan->filter));
    }
    const auto* project = dynamic_cast<const ProjectNode*>(&node);
    if (project == nullptr) {
      return false;
    }
    return std::none_of(project->expressions.begin(), project->expressions.end(),
                        [](const ExpressionPtr& expression) { return hasSubquery(*expression); }) &&
           isPoint(*project->children[0]);
  }

  // Whether the plan is project* over a scan, and no other row is looked at.
  static bool isRowLocal(PlanNode& node) {
    bool other_rows = false;
    node.forEachExpression(
        [&](const ExpressionPtr& expression) { other_rows |= expression != nullptr && hasSubquery(*expression); });
    if (other_rows) {
      return false;
    }
    if (const auto* scan = dynamic_cast<const ScanNode*>(&node)) {
      return scan->access != AccessPath::kUnique;
    }
    return dynamic_cast<const ProjectNode*>(&node) != nullptr && isRowLocal(*node.children[0]);
  }

  void findPointPlan() {
    Plan& plan = *plan_;
    if (!parts_.explain.empty()) {
      return;
    }
    if (parts_.query != nullptr) {
      plan.point_read_ = isPoint(*parts_.query);
    } else if (parts_.change != nullptr) {
      const auto& returning = parts_.change->returning;
      plan.row_local_ = returning.empty() && isRowLocal(*parts_.change->source);
      plan.point_write_ = isPoint(*parts_.change->source) &&
                          std::none_of(returning.begin(), returning.end(), [](const auto& item) { return hasSubquery(*item); });
    } else if (parts_.insert != nullptr) {
      const auto* values = dynamic_cast<const ValuesNode*>(parts_.insert->source.get());
      plan.plain_insert_ =
          values != nullptr && parts_.insert->streams && parts_.insert->conflict == nullptr && parts_.insert->returning.empty();
      plan.point_write_ = plan.plain_insert_ && values->rows.size() == 1;
    }
    const KnnNode* const search = parts_.query != nullptr ? findIndexSearch(*parts_.query) : nullptr;
    parts_.index_search = search != nullptr && search->children.empty() ? search : nullptr;
    parts_.keeps_state = plan.point_read_ || plan.point_write_ || search != nullptr;
  }

  // project* over LIMIT over a search, with or without a WHERE.
  static const KnnNode* findIndexSearch(const PlanNode& node) {
    if (const auto* knn = dynamic_cast<const KnnNode*>(&node)) {
      return knn->index.has_value() ? knn : nullptr;
    }
    if (const auto* project = dynamic_cast<const ProjectNode*>(&node)) {
      if (std::any_of(project->expressions.begin(), project->expressions.end(),
                      [](const ExpressionPtr& expression) { return hasSubquery(*expression); })) {
        return nullptr;
      }
    } else if (dynamic_cast<const LimitNode*>(&node) == nullptr) {
      return nullptr;
    }
    return findIndexSearch(*node.children[0]);
  }

  const parser::ParsedStatement& statement_;
  const BindContext& context_;
  Binder binder_;
  std::shared_ptr<Plan> plan_;
  PlanParts& parts_;
};

Result<std::shared_ptr<const Plan>> bind(const parser::ParsedStatement& statement, const BindContext& context) {
  return PlanBuilder(statement, context).build();
}

}  // namespace trefoil::sql
