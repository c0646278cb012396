// docs/commands.md is what the command table says. To write it anew: TREFOIL_WRITE_DOCS=1 build/release/tests/engine_tests
// "docs/commands.md*" in the project's top folder.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "engine/command_docs.hpp"

namespace trefoil {

TEST_CASE("docs/commands.md agrees with the command table") {
  const std::string path = "docs/commands.md";
  if (std::getenv("TREFOIL_WRITE_DOCS") != nullptr) {
    std::ofstream(path) << commandsMarkdown();
  }
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  CHECK(content.str() == commandsMarkdown());
}

}  // namespace trefoil
