# SPDX-License-Identifier: Apache-2.0
# One Debian package: the tool, the kernel, boards, native payloads, and the runtime for native guests. Building an
# appliance from it takes no compiler.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME septum)
set(CPACK_PACKAGE_CONTACT "The Septum authors <septum@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "one YAML file to a bootable appliance of isolated partitions")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
  "Septum turns one YAML file into a bootable appliance: a small separation kernel\n and guests, each on CPUs and memory of its own. Before an image exists a verifier\n proves that nothing is shared but what the file declares.")
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE amd64)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What makes the image: GRUB's images for BIOS and UEFI, and the ISO around them.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "grub-common, grub-pc-bin, grub-efi-amd64-bin, xorriso, mtools")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "qemu-system-x86, ovmf")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "clang-19, lld-19")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES septum)
include(CPack)
