// The statement as a whole, and the statements about session and transaction: structure only.
#pragma once

// NOLINTBEGIN(readability-identifier-naming): rules are named as in PEGTL itself

#include "parser/sql_grammar.hpp"

namespace trefoil::parser::rules {
// clang-format off

// ---- transactions

struct level_serializable    : token< kSerializable > {};
struct level_repeatable_read : if_must< token< kRepeatable >, token< kRead > > {};
struct level_committed       : token< kCommitted > {};
struct level_uncommitted     : token< kUncommitted > {};
struct level_read            : if_must< token< kRead >, sor< level_committed, level_uncommitted > > {};
struct isolation_level       : sor< level_serializable, level_repeatable_read, level_read > {};
struct isolation_mode        : if_must< token< kIsolation >, token< kLevel >, isolation_level > {};
struct read_only             : token< kOnly > {};
struct read_write            : token< kWrite > {};
struct access_mode           : if_must< token< kRead >, sor< read_only, read_write > > {};
// Every transaction reads a snapshot that nothing disturbs, so there is nothing to wait for.
struct deferrable_mode       : sor< token< kDeferrable >, if_must< token< kNot >, token< kDeferrable > > > {};
struct transaction_mode      : sor< isolation_mode, access_mode, deferrable_mode > {};
struct transaction_modes     : opt< transaction_mode, star< opt< token< kComma > >, transaction_mode > > {};
struct transaction_word      : opt< token< kTransaction, kWork > > {};

struct begin                 : sor< seq< token< kBegin >, transaction_word >, if_must< token< kStart >, token< kTransaction > > > {};
struct begin_transaction     : seq< begin, transaction_modes > {};
struct commit                : seq< token< kCommit, kEnd >, transaction_word > {};
struct rollback_to           : if_must< token< kTo >, opt< token< kSavepoint > >, savepoint_name > {};
struct rollback_word         : token< kRollback, kAbort > {};
struct rollback              : seq< rollback_word, transaction_word, opt< rollback_to > > {};
struct savepoint             : if_must< token< kSavepoint >, savepoint_name > {};
struct release               : if_must< token< kRelease >, opt< token< kSavepoint > >, savepoint_name > {};
struct some_modes            : seq< transaction_mode, star< opt< token< kComma > >, transaction_mode > > {};
struct set_transaction       : seq< at< token< kSet >, token< kTransaction >, token< kIsolation, kRead, kNot, kDeferrable > >,
                                    token< kSet >, token< kTransaction >, some_modes > {};
struct transaction           : sor< begin_transaction, commit, rollback, savepoint, release, set_transaction > {};

// ---- settings

struct setting_part          : name {};
struct dotted_setting        : seq< setting_name, star< if_must< token< kDot >, setting_part > > > {};
struct set_to                : token< kTo, kEqual > {};
struct set_item              : seq< setting_value > {};
struct set_values            : sor< token< kDefault >, comma_list< set_item > > {};
struct set_local             : seq< token< kLocal >, not_at< set_to > > {};
struct set_scope             : sor< seq< token< kSession >, not_at< set_to > >, set_local > {};
struct set                   : if_must< token< kSet >, opt< set_scope >, dotted_setting, set_to, set_values > {};
struct all_settings          : token< kAll > {};
struct named_settings        : sor< all_settings, dotted_setting > {};
struct reset                 : if_must< token< kReset >, named_settings > {};
struct show                  : if_must< token< kShow >, named_settings > {};
struct checkpoint            : token< kCheckpoint > {};

// ---- the statement

struct data_statement        : elsewhere< matchDataStatement > {};
struct schema_statement      : elsewhere< matchSchemaStatement > {};
struct explain_analyze       : token< kAnalyze > {};
struct explained_statement   : seq< data_statement > {};
struct explain               : if_must< token< kExplain >, opt< explain_analyze >, explained_statement > {};
struct statement_body        : sor< data_statement, schema_statement, transaction, set, reset, show, explain, checkpoint > {};
struct end_of_statement      : eof {};
struct statement             : seq< statement_body, opt< token< kSemicolon > >, end_of_statement > {};
struct lone_expression       : seq< expression, end_of_statement > {};

// clang-format on
}  // namespace trefoil::parser::rules

// NOLINTEND(readability-identifier-naming)
