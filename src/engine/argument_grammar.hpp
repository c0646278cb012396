// What may stand behind a command's name: the grammar in the table's column `syntax`, and what is made of it: the arguments of
// COMMAND DOCS, the syntax as people read it, what may come next on a line that is being typed.
//
//   syntax    = argument …
//   argument  = name[:type][#spec]        a value. Its type follows from its name (key, count, pattern …) if it is not given, and
//                                         is string else; keys belong to the command's key specs in turn, or to #spec
//             | TOKEN argument …          a word, in front of all that follows in its group; alone it is a pure-token
//             | [choice]                  optional
//             | <choice>                  a block of arguments, or one of several; around a TOKEN with its arguments it is these
//             alone | name=…                    gives a group or a token a name that is not made of its parts | argument… (three
//             dots) several times; behind a ']' that has a TOKEN in it, with the word each time
//   choice    = argument … [| argument …]…
//
//   SET       key value condition=[NX | XX] [GET] expiration=[EX seconds | PX milliseconds | … | KEEPTTL]
//   ZADD      key … <score member>…       ZUNION  numkeys key… [WEIGHTS weight…] [AGGREGATE aggregate=<SUM | MIN | MAX>]
//   XREAD     [COUNT count] [BLOCK milliseconds] STREAMS streams=<key… id…>
//   XREADGROUP   <GROUP group consumer> [COUNT count] … STREAMS streams=<key… id…>
//
// https://redis.io/docs/latest/develop/reference/command-arguments/
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/command_meta.hpp"

namespace trefoil {

enum class ArgumentType : std::uint8_t { kString, kInteger, kDouble, kKey, kPattern, kUnixTime, kPureToken, kOneOf, kBlock };

// Redis's name of a type.
std::string_view argumentTypeName(ArgumentType type);

struct Argument {
  std::string name;
  ArgumentType type = ArgumentType::kString;
  std::optional<int> key_spec;  // the index of a key's in the command's key specs
  std::string token;            // the word in front of it; of a pure-token, itself
  bool optional = false;
  bool multiple = false;
  bool multiple_token = false;
  std::vector<Argument> arguments;  // of kOneOf and kBlock
};

// Nothing if it is not well formed. `key_specs`: how many the command has.
std::optional<std::vector<Argument>> parseArguments(std::string_view syntax, std::size_t key_specs);
// Those of a row of the table, which are (a test sees to it).
std::vector<Argument> argumentsOf(const CommandMeta& meta);

// For people: "key value [NX | XX] [GET] …".
std::string describeArguments(std::span<const Argument> arguments);

// What may stand behind words that are there already. Options may come in any order.
struct NextArguments {
  std::vector<std::string> tokens;
  std::vector<std::string> names;  // of values
};
NextArguments nextArguments(std::span<const Argument> arguments, std::span<const std::string_view> words);

}  // namespace trefoil
