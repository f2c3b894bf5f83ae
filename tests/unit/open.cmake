phi_test(test_open_view SOURCES test_open_view.c ROOMS open PACKAGES jansson)
target_compile_definitions(test_open_view PRIVATE PHI_SCHEMAS="${CMAKE_SOURCE_DIR}/docs/schemas")
phi_test(test_open_cells SOURCES test_open_cells.c ROOMS open base)
