// Digests: whether two databases hold the same, told by 128 bits. For a follower and what it follows, for a database before and
// after a restart.
//
//   digest()   one row for each database of keys that has any ('keys', its number), and for each table ('table', its name):
//              kind text, name text, items bigint, digest text; at last ('all', '') for everything
//   DIGEST     the last of these digests
//
// What counts is what a client can see: keys with type, value and deadline, lists in their order; tables with their definition
// and the values of their rows; vectors by their numbers. What does not: row ids, encodings, the order in which anything was
// inserted, how a vector index was built, the hash seed. Items are hashed one by one and added up, so it takes one walk and no
// memory. Nobody is kept from choosing values that collide: it tells accidents, not forgeries.
#pragma once

#include "sql/expressions/table_function.hpp"

namespace trefoil {

void addDigestFunction(sql::TableFunctions& functions);

}  // namespace trefoil
