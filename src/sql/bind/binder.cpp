// What the binder keeps about a statement as it goes: the tables it uses and the types of its parameters.
#include "sql/bind/binder.hpp"

namespace trefoil::sql {

Binder::Binder(const parser::ParsedStatement& statement, const BindContext& context)
    : statement_(statement),
      context_(context),
      parameter_types_(statement.parameter_count + (context.literals_as_parameters ? statement.literal_count : 0)),
      literal_is_parameter_(statement.literal_count, false) {}

void Binder::useTable(TableId table, bool writes) {
  for (TableUse& use : tables_) {
    if (use.table == table) {
      use.writes = use.writes || writes;
      return;
    }
  }
  tables_.push_back({table, writes});
}

void Binder::settleParameters() {
  for (std::size_t i = 0; i < parameter_types_.size(); ++i) {
    const bool literal = i >= statement_.parameter_count;
    if (parameter_types_[i].isUnknown() && (!literal || literal_is_parameter_[i - statement_.parameter_count])) {
      parameter_types_[i] = SqlType::text();
    }
  }
}

}  // namespace trefoil::sql
