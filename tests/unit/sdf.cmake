phi_test(test_sdf SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_sdf.c ROOMS base crypto)
add_dependencies(test_sdf phi_sdf_soft)
target_compile_definitions(test_sdf PRIVATE SDF_SOFT="$<TARGET_FILE:phi_sdf_soft>")
