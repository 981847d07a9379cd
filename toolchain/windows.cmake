# SPDX-License-Identifier: BSD-2-Clause
#
# The open toolchain for Windows: every flag of the driver build, and the one recipe that makes an image of sources.
# Paths in outputs are relative to the repository, so that no output depends on where it lies.

set(ARCHITECTURES x64 x86)
set(FLAVOURS free checked)
set(TARGET_x64 x86_64-w64-windows-gnu)
set(TARGET_x86 i686-w64-windows-gnu)
set(MACHINE_x64 i386:x86-64)
set(MACHINE_x86 i386)
set(MINGW /usr/share/mingw-w64/include)
set(RUNTIME ${PROJECT_SOURCE_DIR}/toolchain/runtime)
set(GENERATED ${PROJECT_BINARY_DIR}/generated)

foreach(name LLD_LINK=lld-link-16 DLLTOOL=llvm-dlltool-16 RC=llvm-rc-16)
    string(REPLACE "=" ";" name ${name})
    list(GET name 0 variable)
    list(GET name 1 program)
    find_program(${variable} ${program} REQUIRED)
endforeach()
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-resource-dir OUTPUT_VARIABLE resources
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
set(HEADERS -isystem${PROJECT_SOURCE_DIR}/toolchain/include -isystem${resources}/include -isystem${MINGW}
    -isystem${MINGW}/ddk)

# What a Windows 7 driver of either architecture sees. The build speaks to Windows 7 and looks newer functions up.
set(DEFINES
    _WIN32_WINNT=0x0601 NTDDI_VERSION=0x06010000 NDIS_MINIPORT_DRIVER=1
    # wdm.h of mingw-w64 defines these two; its intrinsics must not, or each object exports them.
    __INTRINSIC_DEFINED_InterlockedBitTestAndSet __INTRINSIC_DEFINED_InterlockedBitTestAndReset)

set(WARNINGS
    -Wall -Wextra -Werror -Wshadow -Wundef -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wformat=2
    -Wunreachable-code
    # C90 as Visual C++ 2012 takes it: // comments, long long and anonymous members are fine, these are not.
    -Wdeclaration-after-statement -Wc99-extensions -Wc99-designator -Wvla -Wgnu-empty-initializer -Wgnu-designator
    -Wgnu-statement-expression -Wgnu-conditional-omitted-operand -Wgnu-case-range -Wgnu-zero-variadic-macro-arguments
    -Wno-c11-extensions
    # Kernel stacks are small, and there is no stack probe to call.
    -Wframe-larger-than=2048
    -Wthread-safety -Wthread-safety-beta
    # GUIDs are defined in braces, and zeroed records start with {0}: both are C90.
    -Wno-missing-field-initializers -Wno-missing-braces)

set(CODE
    -std=gnu89 -fms-extensions -nostdinc -fno-ident -fshort-wchar -fno-common -fno-autolink
    -fno-delete-null-pointer-checks
    -fno-strict-aliasing -fwrapv -mno-stack-arg-probe -g -gcodeview -gno-codeview-command-line
    -fasynchronous-unwind-tables
    -fstack-protector-strong "SHELL:-Xclang -cfguard" "SHELL:-include annotations.h"
    -fdebug-compilation-dir=. -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
set(CODE_x64 -mno-red-zone)
# The 32-bit kernel does not save vector registers for drivers. It unwinds by frame pointers: drop_unwind.py has the
# tables left out.
set(CODE_x86 -march=i686 -mno-sse -mno-mmx -fno-omit-frame-pointer)
# Two counters side by side would become a vector: more instructions, and loads that wait for narrower stores. It stands
# behind -O2, which switches it on.
set(CODE_free -O2 -fno-vectorize -fno-slp-vectorize -DDBG=0 -DNDEBUG)
set(CODE_checked -O1 -DDBG=1)
# Guards in the runtime would guard themselves, and 'memcmp' must not be turned into a call of memcmp.
set(CODE_runtime -fno-stack-protector -fno-builtin)

set(LINK
    /nologo /nodefaultlib /base:0x10000000 /dynamicbase /nxcompat /guard:cf /cetcompat /opt:ref /opt:noicf /release
    /Brepro /incremental:no /WX /osversion:6.01 /debug /pdbaltpath:%_PDB% /pdbsourcepath:.)
string(REGEX MATCH "^[0-9]+\\.[0-9]+" numbers ${XENNET_VERSION})
list(APPEND LINK /version:${numbers})
set(LINK_driver /driver:wdm /tsaware:no /subsystem:native,6.01 /section:INIT,ERD)
set(LINK_driver_x64 /entry:GsDriverEntry /highentropyva)
set(LINK_driver_x86 /entry:GsDriverEntry@8)
set(LINK_dll /dll /noimplib /subsystem:windows,6.01)
set(LINK_dll_x64 /entry:GsDllEntry /highentropyva)
set(LINK_dll_x86 /entry:GsDllEntry@12 /safeseh)

# The C sources that FOLDER/sources.txt lists, which the Visual Studio projects read too.
function(listed_sources variable folder)
    set(listing ${folder}/sources.txt)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${listing})
    file(STRINGS ${listing} names REGEX "^[^#].*\\.c *$")
    list(TRANSFORM names STRIP)
    set(${variable} ${names} PARENT_SCOPE)
endfunction()

# The import library of one of toolchain/imports, reduced to what the architecture has.
function(import_library variable name arch)
    set(source ${PROJECT_SOURCE_DIR}/toolchain/imports/${name}.def)
    set(script ${PROJECT_SOURCE_DIR}/scripts/build/imports.py)
    set(stem generated/imports/${arch}/${name})
    file(MAKE_DIRECTORY ${GENERATED}/imports/${arch})
    set(options)
    if(arch STREQUAL x86)
        set(options -k)
    endif()
    add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/${stem}.lib
        COMMAND ${PYTHON} ${script} ${arch} ${source} ${stem}.def
        COMMAND ${DLLTOOL} -m ${MACHINE_${arch}} -d ${stem}.def -l ${stem}.lib ${options}
        DEPENDS ${source} ${script} WORKING_DIRECTORY ${PROJECT_BINARY_DIR} VERBATIM
        COMMENT "Import library ${name} for ${arch}")
    set(${variable} ${PROJECT_BINARY_DIR}/${stem}.lib PARENT_SCOPE)
endfunction()

# A flavour's resources, preprocessed by clang so that nothing else is needed for it.
function(version_resource variable source flavour)
    cmake_path(GET source STEM stem)
    string(REGEX MATCH "-DDBG=." debug "${CODE_${flavour}}")
    set(made generated/${stem}-${flavour})
    add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/${made}.res
        COMMAND ${CMAKE_C_COMPILER} --target=${TARGET_x64} -E -x c -DRC_INVOKED ${debug} -nostdinc -MD -MF ${made}.d
                -MT ${made}.res -I${GENERATED} ${HEADERS} ${source} -o ${made}.i.rc
        COMMAND ${RC} /nologo /no-preprocess /I generated /FO ${made}.res ${made}.i.rc
        DEPENDS ${source} ${GENERATED}/messages.bin ${GENERATED}/counters.bmf
        DEPFILE ${PROJECT_BINARY_DIR}/${made}.d WORKING_DIRECTORY ${PROJECT_BINARY_DIR} VERBATIM
        COMMENT "Resources ${stem} ${flavour}")
    set(${variable} ${PROJECT_BINARY_DIR}/${made}.res PARENT_SCOPE)
endfunction()

# add_image(NAME KIND driver|dll ARCH ARCH FLAVOUR FLAVOUR OUTPUT FILE SOURCES FILE... [INCLUDES FOLDER...]
#           [LIBRARIES NAME...] [RESOURCE FILE] [OPTIONS FLAG...] [LINK FLAG...])
# An image with its PDB beside it. OUTPUT is relative to the build folder; OPTIONS and LINK come last and win.
function(add_image name)
    cmake_parse_arguments(PARSE_ARGV 1 image "" "KIND;ARCH;FLAVOUR;OUTPUT;RESOURCE"
        "SOURCES;INCLUDES;LIBRARIES;OPTIONS;LINK")
    set(arch ${image_ARCH})
    add_library(${name}-objects OBJECT EXCLUDE_FROM_ALL ${image_SOURCES})
    target_compile_definitions(${name}-objects PRIVATE ${DEFINES})
    target_include_directories(${name}-objects PRIVATE ${PROJECT_SOURCE_DIR}/include ${image_INCLUDES} ${GENERATED})
    target_compile_options(${name}-objects PRIVATE --target=${TARGET_${arch}} ${HEADERS} ${CODE} ${CODE_${arch}}
                           ${CODE_${image_FLAVOUR}} ${WARNINGS} ${image_OPTIONS})
    set(libraries)
    foreach(library IN LISTS image_LIBRARIES)
        import_library(made ${library} ${arch})
        list(APPEND libraries ${made})
    endforeach()
    set(inputs ${libraries})
    if(image_RESOURCE)
        version_resource(resource ${image_RESOURCE} ${image_FLAVOUR})
        list(PREPEND inputs ${resource})
    endif()
    cmake_path(REPLACE_EXTENSION image_OUTPUT LAST_ONLY pdb OUTPUT_VARIABLE pdb)
    cmake_path(GET image_OUTPUT PARENT_PATH folder)
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/${folder})
    set(objects $<TARGET_OBJECTS:${name}-objects>)
    set(relative ${PROJECT_SOURCE_DIR}/scripts/build/relative.py)
    set(prepare)
    if(arch STREQUAL x86)
        set(drop ${PROJECT_SOURCE_DIR}/scripts/build/drop_unwind.py)
        set(prepare COMMAND ${PYTHON} ${drop} ${objects})
    endif()
    add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/${image_OUTPUT} ${PROJECT_BINARY_DIR}/${pdb}
        ${prepare}
        COMMAND ${PYTHON} ${relative} ${LLD_LINK} /machine:${arch} ${LINK} ${LINK_${image_KIND}}
                ${LINK_${image_KIND}_${arch}} /out:${image_OUTPUT} /pdb:${pdb} ${objects} ${inputs} ${image_LINK}
        DEPENDS ${objects} ${inputs} ${relative} ${drop} WORKING_DIRECTORY ${PROJECT_BINARY_DIR} VERBATIM
        COMMAND_EXPAND_LISTS
        COMMENT "Linking ${image_OUTPUT}")
    add_custom_target(${name} DEPENDS ${PROJECT_BINARY_DIR}/${image_OUTPUT})
endfunction()
