// Statements about the schema: CREATE, DROP, ALTER.
#include "parser/sql_messages.hpp"
#include "parser/sql_schema_actions.hpp"

namespace trefoil::parser {

bool matchSchemaStatement(TokenInput& in, State& state) {
  return SqlControl<rules::schema_change>::match<pegtl::apply_mode::action, pegtl::rewind_mode::dontcare, SchemaAction,
                                                 SqlControl>(in, state);
}

}  // namespace trefoil::parser
