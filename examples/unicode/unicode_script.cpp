// Turns UnicodeData.txt into one script for trefoil: SQL rows, key-value counters and vectors, in transactions of 1000
// characters.
//
//   example_unicode_script /usr/share/unicode/UnicodeData.txt | trefoil DIR
//   example_unicode_script --vector 'GREEK SMALL LETTER ALPHA'        prints one name's embedding, to ask with
//
// The format of the file: 15 fields a line, separated by ';' (Unicode Standard Annex 44). Used here: 0 code point (hexadecimal),
// 1 name, 2 general category, 8 numeric value ("1/2", "10000"), 10 the old name (control characters have no other), 12 and 13 the
// upper- and lowercase counterparts.
//
// What the script writes, in the same transaction for each batch:
//   table characters    one row a character, with its embedding
//   table categories    the general categories in words
//   GET characters:total, HINCRBY scripts NAME, ZINCRBY categories_board LABEL, RPUSH batches, SADD scripts_seen
//
// The embedding of a name: 128 buckets; every three neighbouring characters of " NAME " add +1 or -1 to the bucket that their
// hash says (the hashing trick). Whole numbers keep the script short, and cosine distance does not mind that they are not
// normalised.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t kDimension = 128;
constexpr std::size_t kBatchRows = 1000;     // a transaction
constexpr std::size_t kStatementRows = 100;  // an INSERT

// FNV-1a, 64 bits.
std::uint64_t hashOf(std::string_view bytes) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : bytes) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  return hash;
}

std::array<int, kDimension> embedding(std::string_view name) {
  const std::string padded = " " + std::string(name) + " ";
  std::array<int, kDimension> buckets{};
  for (std::size_t i = 0; i + 3 <= padded.size(); ++i) {
    const std::uint64_t hash = hashOf(std::string_view(padded).substr(i, 3));
    buckets[hash % kDimension] += (hash >> 32 & 1) != 0 ? 1 : -1;
  }
  bool zero = true;
  for (const int value : buckets) {
    zero = zero && value == 0;
  }
  if (zero) {
    buckets[0] = 1;  // a zero vector has no direction
  }
  return buckets;
}

void appendVector(std::string& out, std::string_view name) {
  out += '[';
  for (const int value : embedding(name)) {
    out += std::to_string(value);
    out += ',';
  }
  out.back() = ']';
}

struct Character {
  std::uint32_t code = 0;
  std::string name;
  std::string category;
  std::string script;   // the first word of the name; empty for names in angle brackets
  std::string numeric;  // an SQL literal, or NULL
  std::string upper;
  std::string lower;
};

std::vector<std::string_view> split(std::string_view line, char separator) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t end = line.find(separator);
    fields.push_back(line.substr(0, end));
    if (end == std::string_view::npos) {
      return fields;
    }
    line.remove_prefix(end + 1);
  }
}

std::optional<std::uint32_t> hexadecimal(std::string_view text) {
  std::uint32_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::string codeOrNull(std::string_view text) {
  const auto code = hexadecimal(text);
  return code ? std::to_string(*code) : "NULL";
}

// "3/16" as 0.1875, "-1/2" as -0.5: shortest digits that read back to the same double.
std::string numberOrNull(std::string_view text) {
  if (text.empty()) {
    return "NULL";
  }
  const std::vector<std::string_view> parts = split(text, '/');
  double value = std::strtod(std::string(parts[0]).c_str(), nullptr);
  if (parts.size() == 2) {
    value /= std::strtod(std::string(parts[1]).c_str(), nullptr);
  }
  std::array<char, 32> buffer;
  return {buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr};
}

std::optional<Character> parseLine(std::string_view line) {
  const std::vector<std::string_view> fields = split(line, ';');
  if (fields.size() != 15 || !hexadecimal(fields[0])) {
    return std::nullopt;
  }
  Character character;
  character.code = *hexadecimal(fields[0]);
  character.name = fields[1];
  if (character.name == "<control>" && !fields[10].empty()) {
    character.name = fields[10];
  }
  character.category = fields[2];
  if (fields[1][0] != '<') {
    character.script = split(fields[1], ' ')[0];
  }
  character.numeric = numberOrNull(fields[8]);
  character.upper = codeOrNull(fields[12]);
  character.lower = codeOrNull(fields[13]);
  return character;
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    out += c;
    if (c == '\'') {
      out += c;
    }
  }
  return out + "'";
}

constexpr std::array<std::array<std::string_view, 2>, 29> kCategories{
    {{"Lu", "uppercase letter"},    {"Ll", "lowercase letter"},  {"Lt", "titlecase letter"},
     {"Lm", "modifier letter"},     {"Lo", "other letter"},      {"Mn", "nonspacing mark"},
     {"Mc", "spacing mark"},        {"Me", "enclosing mark"},    {"Nd", "decimal number"},
     {"Nl", "letter number"},       {"No", "other number"},      {"Pc", "connector punctuation"},
     {"Pd", "dash punctuation"},    {"Ps", "open punctuation"},  {"Pe", "close punctuation"},
     {"Pi", "initial punctuation"}, {"Pf", "final punctuation"}, {"Po", "other punctuation"},
     {"Sm", "math symbol"},         {"Sc", "currency symbol"},   {"Sk", "modifier symbol"},
     {"So", "other symbol"},        {"Zs", "space separator"},   {"Zl", "line separator"},
     {"Zp", "paragraph separator"}, {"Cc", "control"},           {"Cf", "format"},
     {"Cs", "surrogate"},           {"Co", "private use"}}};

void writeSchema(std::ostream& out) {
  out << "-- Written by example_unicode_script. SQL ends with ';', a key-value command is a line.\n"
         "CREATE TABLE categories (category TEXT PRIMARY KEY, meaning TEXT NOT NULL);\n"
         "CREATE TABLE characters (\n"
         "  code INTEGER PRIMARY KEY,\n"
         "  name TEXT NOT NULL,\n"
         "  category TEXT NOT NULL,\n"
         "  script TEXT,\n"
         "  numeric_value DOUBLE PRECISION,\n"
         "  upper_code INTEGER,\n"
         "  lower_code INTEGER,\n"
         "  embedding VECTOR(128) NOT NULL\n"
         ");\n"
         "CREATE INDEX characters_script ON characters (script);\n"
         "INSERT INTO categories VALUES\n";
  for (std::size_t i = 0; i < kCategories.size(); ++i) {
    out << "  (" << quoted(kCategories[i][0]) << ", " << quoted(kCategories[i][1])
        << (i + 1 < kCategories.size() ? "),\n" : ");\n");
  }
}

void writeBatch(std::ostream& out, std::span<const Character> batch, std::size_t number) {
  std::map<std::string, int> by_category;
  std::map<std::string, int> by_script;
  std::string text = "BEGIN;\n";
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Character& character = batch[i];
    ++by_category[character.category];
    if (!character.script.empty()) {
      ++by_script[character.script];
    }
    text += i % kStatementRows == 0 ? "INSERT INTO characters VALUES\n(" : ",\n(";
    text += std::to_string(character.code) + "," + quoted(character.name) + "," + quoted(character.category) + ",";
    text += (character.script.empty() ? "NULL" : quoted(character.script)) + "," + character.numeric + ",";
    text += character.upper + "," + character.lower + ",'";
    appendVector(text, character.name);
    text += "')";
    if ((i + 1) % kStatementRows == 0 || i + 1 == batch.size()) {
      text += ";\n";
    }
  }
  text += "INCRBY characters:total " + std::to_string(batch.size()) + "\n";
  for (const auto& [category, count] : by_category) {
    text += "ZINCRBY categories:board " + std::to_string(count) + " " + category + "\n";
  }
  for (const auto& [script, count] : by_script) {
    text += "HINCRBY scripts " + script + " " + std::to_string(count) + "\n";
    text += "SADD scripts:seen " + script + "\n";
  }
  text += "RPUSH batches \"batch " + std::to_string(number) + ": " + std::to_string(batch.size()) + " characters from U+";
  std::array<char, 16> code;
  std::snprintf(code.data(), code.size(), "%04X", batch.front().code);
  text += std::string(code.data()) + "\"\nCOMMIT;\n";
  out << text;
}

int writeScript(const char* path) {
  std::ifstream in(path);
  if (!in) {
    std::cerr << "example_unicode_script: cannot read " << path << " (package unicode-data)\n";
    return 1;
  }
  std::vector<Character> characters;
  std::string line;
  while (std::getline(in, line)) {
    auto character = parseLine(line);
    if (!character) {
      std::cerr << path << ":" << characters.size() + 1 << ": expected 15 fields, the first a code point\n";
      return 1;
    }
    characters.push_back(std::move(*character));
  }
  if (in.bad() || characters.empty()) {
    std::cerr << "example_unicode_script: there are no characters in " << path << "\n";
    return 1;
  }
  writeSchema(std::cout);  // only now: a script is written as a whole or not at all
  std::size_t batches = 0;
  for (std::size_t i = 0; i < characters.size(); i += kBatchRows) {
    const std::span<const Character> rest = std::span(characters).subspan(i);
    writeBatch(std::cout, rest.first(std::min(kBatchRows, rest.size())), ++batches);
  }
  if (!std::cout.flush()) {
    std::cerr << "example_unicode_script: cannot write the script\n";
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  if (argc == 3 && std::string_view(argv[1]) == "--vector") {
    std::string text;
    appendVector(text, argv[2]);
    std::cout << text << "\n";
    return 0;
  }
  if (argc != 2) {
    std::cerr << "usage: example_unicode_script UnicodeData.txt | example_unicode_script --vector NAME\n";
    return 2;
  }
  return writeScript(argv[1]);
}
