/* SPDX-License-Identifier: BSD-2-Clause */
#include "inf_sample.h"

const char inf_sample[] = "; a comment\n"
                          "[Version]\r\n"
                          "Signature=\"$Windows NT$\"\r\n"
                          "Class=Net\n"
                          "ClassGUID={4d36e972-e325-11ce-bfc1-08002be10318}\n"
                          "Provider=%Vendor%\n"
                          "DriverVer=01/02/2026,10.0.0.7\n"
                          "[Manufacturer]\n"
                          "%Vendor%=Inst,NTamd64,NTamd64.10.0...20000\n"
                          "[Inst.NTamd64]\n"
                          "%Name%=Net_Inst,\\\n"
                          "  XENVIF\\VEN_XP0001&DEV_NET&REV_09000005,\\ ; the newest\n"
                          "  XENVIF\\VEN_XP0002&DEV_NET&REV_09000005\n"
                          "\"Second; \"\"quoted\"\"\"=Net_Inst,XENVIF\\VEN_XP0001&DEV_NET&REV_09000004\n"
                          "[Inst.NTamd64.10.0...20000]\n"
                          "%Name%=Net_New,XENVIF\\VEN_XP0001&DEV_NET&REV_09000005\n"
                          "[Net_Inst]\n"
                          "Characteristics=0x84 ; NCF_HAS_UI | NCF_PHYSICAL\n"
                          "BusType=1\n"
                          "*IfType=6\n"
                          "CopyFiles=Files\n"
                          "AddReg=Params,More\n"
                          "[Net_New]\n"
                          "Characteristics=0x84\n"
                          "CopyFiles=@test.sys\n"
                          "AddReg=Params\n"
                          "[Files]\n"
                          "test.sys\n"
                          "[Params]\n"
                          "HKR,Ndi,Service,0,\"test\"\n"
                          "HKR,Ndi\\params\\*Speed,ParamDesc,0,%Speed%\n"
                          "HKR,Ndi\\params\\*Speed,Type,0,enum\n"
                          "HKR,Ndi\\params\\*Speed,Default,0,\"1\"\n"
                          "HKR,Ndi\\params\\*Speed\\enum,0,0,\"Slow, really\"\n"
                          "HKR,Ndi\\params\\*Speed\\enum,1,0,Fast\n"
                          "HKR,Ndi\\params\\Count,Type,0,int\n"
                          "HKR,Ndi\\params\\Count,Default,0,\"8\"\n"
                          "HKR,Ndi\\params\\Count,Min,0,\"2\"\n"
                          "HKR,Ndi\\params\\Count,Max,0,\"16\"\n"
                          "HKR,Ndi\\params\\Count,Step,0,\"2\"\n"
                          "HKR,Ndi\\params\\Optional,Type,0,edit\n"
                          "HKR,Ndi\\params\\Optional,Default,0,text\n"
                          "HKR,Ndi\\params\\Optional,Optional,0,\"1\"\n"
                          "HKR,Ndi\\params\\Optional,LimitText,0,\"5\"\n"
                          "[More]\n"
                          "HKR,,Dword,0x00010001,0x81\n"
                          "HKR,,Keep,0x00010003,5\n"
                          "HKR,,Keep,0x00010003,6\n"
                          "HKR,,Expand,0x00020000,\"%%SystemRoot%%\\x\"\n"
                          "HKR,,Multi,0x00010000,one,two\n"
                          "HKR,,Multi,0x00010008,three\n"
                          "HKR,,Binary,1,de,AD,01\n"
                          "HKLM,Software\\TestVendor,Path,,plain\n"
                          "[Net_Inst.Services]\n"
                          "AddService=test,0x02,Service,Log\n"
                          "[Net_New.Services]\n"
                          "AddService=test,0x02,Service\n"
                          "[Service]\n"
                          "DisplayName=%Name%\n"
                          "ServiceType=%KERNEL%\n"
                          "StartType=3\n"
                          "ErrorControl=1\n"
                          "ServiceBinary=%12%\\test.sys\n"
                          "LoadOrderGroup=NDIS\n"
                          "[Log]\n"
                          "AddReg=LogValues\n"
                          "[LogValues]\n"
                          "HKR,,TypesSupported,0x00010001,7\n"
                          "[Strings]\n"
                          "Vendor=\"Some Vendor\"\n"
                          "Name=\"Base Name\"\n"
                          "Speed=\"How fast\"\n"
                          "KERNEL=1\n"
                          "[Strings.0409]\n"
                          "Name=\"English Name\"\n";

const char *inf_write(char path[TEST_MAX_PATH], const char *from, const char *to)
{
    const char *at = from != NULL ? strstr(inf_sample, from) : NULL;
    int file;

    file = mkstemps(test_temporary(path, "XXXXXX.inf"), 4);
    CHECK(file >= 0);
    CHECK(from == NULL || at != NULL);
    if (from == NULL) {
        CHECK(write(file, inf_sample, sizeof(inf_sample) - 1) > 0);
    } else {
        dprintf(file, "%.*s%s%s", (int)(at - inf_sample), inf_sample, to, at + strlen(from));
    }
    close(file);
    return path;
}
