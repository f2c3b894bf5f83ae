foreach(module key_manifest key_share key_envelope key_custody)
  phi_test(test_${module} SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_${module}.c ROOMS base crypto)
endforeach()
