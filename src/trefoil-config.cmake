# find_package(trefoil): the target trefoil::engine, and what its static libraries need.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(TBB)
find_dependency(spdlog)
find_dependency(fmt)
find_dependency(pegtl)
find_dependency(Eigen3 NO_MODULE)
include(${CMAKE_CURRENT_LIST_DIR}/targets.cmake)
