// CREATE, DROP and ALTER: structure only.
#pragma once

// NOLINTBEGIN(readability-identifier-naming): rules are named as in PEGTL itself

#include "parser/sql_grammar.hpp"

namespace trefoil::parser::rules {
// clang-format off

struct exists_condition      : seq< at< token< kIf >, token< kExists > >, token< kIf >, token< kExists > > {};
struct absence_condition     : seq< at< token< kIf >, token< kNot > >, token< kIf >, token< kNot >, must< token< kExists > > > {};
struct restrict_word         : token< kRestrict > {};
struct cascade_word          : token< kCascade > {};
struct behavior              : opt< sor< restrict_word, cascade_word > > {};

// ---- constraints, of columns and of tables

struct action_no_action      : if_must< token< kNo >, token< kAction > > {};
struct action_restrict       : token< kRestrict > {};
struct action_cascade        : token< kCascade > {};
struct action_set_null       : token< kNull > {};
struct action_set_default    : token< kDefault > {};
struct action_set            : if_must< token< kSet >, sor< action_set_null, action_set_default > > {};
struct referential_action    : sor< action_no_action, action_restrict, action_cascade, action_set > {};
struct on_delete             : seq< token< kDelete >, referential_action > {};
struct on_update             : seq< token< kUpdate >, referential_action > {};
struct referential           : if_must< token< kOn >, sor< on_delete, on_update > > {};
struct referenced_columns    : seq< name_list > {};
struct referenced_table      : seq< table_target > {};
struct references            : if_must< token< kReferences >, referenced_table, opt< referenced_columns >, star< referential > > {};

struct not_null              : if_must< token< kNot >, token< kNull > > {};
struct nullable              : token< kNull > {};
struct primary_key           : if_must< token< kPrimary >, token< kKey > > {};
struct unique                : token< kUnique > {};
struct default_value         : if_must< token< kDefault >, restricted_expression > {};
struct check                 : if_must< token< kCheck >, in_parentheses< expression > > {};
struct constraint_columns    : seq< name_list > {};
struct foreign_key           : if_must< token< kForeign >, token< kKey >, constraint_columns, references > {};
struct keyed_constraint      : if_must< sor< primary_key, unique >, constraint_columns > {};

struct constraint_prefix     : if_must< token< kConstraint >, constraint_name > {};
struct column_rule           : sor< not_null, nullable, primary_key, unique, default_value, check, references > {};
struct table_rule            : sor< keyed_constraint, check, foreign_key > {};
struct named_column_rule     : if_must< constraint_prefix, column_rule > {};
struct column_constraint     : sor< named_column_rule, column_rule > {};
struct constraint_body       : seq< table_rule > {};
struct table_constraint      : seq< at< token< kConstraint, kPrimary, kUnique, kCheck, kForeign > >, opt< constraint_prefix >,
                                    constraint_body > {};

// ---- CREATE

struct defined_column        : name {};
struct column_type           : seq< type_name > {};
struct column_definition     : seq< defined_column, column_type, star< column_constraint > > {};
struct table_column          : seq< column_definition > {};
struct table_element         : sor< table_constraint, table_column > {};
struct elements_open         : token< kOpen > {};
struct create_table          : if_must< token< kTable >, opt< absence_condition >, table_target, elements_open,
                                        comma_list< table_element >, token< kClose > > {};

struct index_word            : token< kIndex > {};
struct unique_index          : if_must< token< kUnique >, index_word > {};
struct created_index         : seq< not_at< token< kOn > >, index_name > {};
struct index_method          : if_must< token< kUsing >, new_name > {};
struct index_call            : seq< at< name, token< kOpen > >, elsewhere< matchCall > > {};
struct index_column          : name {};
struct index_expression      : sor< in_parentheses< expression >, index_call, index_column > {};
struct operator_class        : seq< not_at< token< kNulls > >, name > {};
struct index_element_begin   : seq< index_expression > {};
struct index_element         : seq< index_element_begin, opt< operator_class >, sort_direction > {};
struct option_value          : seq< setting_value > {};
struct option_name           : label {};
struct option                : seq< option_name, must< token< kEqual >, option_value > > {};
struct index_options         : if_must< token< kWith >, in_parentheses< comma_list< option > > > {};
struct index_where           : if_must< token< kWhere >, expression > {};
struct concurrently          : token< kConcurrently > {};
struct conditional_name      : seq< index_name > {};
struct index_condition       : seq< absence_condition, must< conditional_name > > {};
struct index_naming          : sor< index_condition, created_index > {};
struct create_index          : if_must< sor< unique_index, index_word >, opt< concurrently >, opt< index_naming >, token< kOn >,
                                        table_target, opt< index_method >, in_parentheses< comma_list< index_element > >,
                                        opt< index_options >, opt< index_where > > {};

struct temporary             : token< kTemp, kTemporary > {};
struct or_replace            : if_must< token< kOr >, token< kReplace > > {};
struct view_word             : token< kView > {};
struct view_columns          : seq< name_list > {};
struct view_start            : sor< if_must< or_replace, opt< temporary >, view_word >, view_word > {};
struct create_view           : if_must< view_start, opt< absence_condition >, table_target, opt< view_columns >, token< kAs >, query > {};

struct create_object         : sor< create_table, create_index, create_view > {};
struct temporary_object      : sor< create_table, create_view > {};
struct create                : if_must< token< kCreate >, sor< if_must< temporary, temporary_object >, create_object > > {};

// ---- DROP, ALTER

struct drop_table            : token< kTable > {};
struct drop_index            : token< kIndex > {};
struct drop_view             : token< kView > {};
struct drop_object           : sor< drop_table, drop_index, drop_view > {};
struct dropped_name          : seq< table_target > {};
struct drop                  : if_must< token< kDrop >, drop_object, opt< exists_condition >, comma_list< dropped_name >, behavior > {};

struct rename_table          : if_must< token< kTo >, new_name > {};
struct renamed_column        : seq< column_name > {};
struct rename_column         : seq< opt< token< kColumn > >, renamed_column, must< token< kTo >, new_name > > {};
struct alter_rename          : if_must< token< kRename >, sor< rename_table, rename_column > > {};
struct added_column          : seq< column_definition > {};
struct alter_add             : if_must< token< kAdd >, opt< token< kColumn > >, opt< absence_condition >, added_column > {};
struct dropped_column        : seq< column_name > {};
struct alter_drop            : if_must< token< kDrop >, opt< token< kColumn > >, opt< exists_condition >, dropped_column, behavior > {};
struct alter_action          : sor< alter_rename, alter_add, alter_drop > {};
struct altered_table         : seq< table_target > {};
struct alter_table           : if_must< token< kAlter >, token< kTable >, opt< exists_condition >, altered_table, alter_action > {};

struct schema_change         : sor< create, drop, alter_table > {};

// clang-format on
}  // namespace trefoil::parser::rules

// NOLINTEND(readability-identifier-naming)
